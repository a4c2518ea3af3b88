"""What cannot be is said at once, in a few words, with an exit code that a program can read."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.end_to_end.command import failing, running, tapestore

NOWHERE = "127.0.0.1:1"


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = tapestore("run", told={"LOCAL_PATH": str(tmp_path), "HTTP_PORT": str(port)}, expect=69)

    assert f"127.0.0.1:{port}" in ended.err
    assert "HTTP_PORT" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""


def test_all_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "tapestore.toml"
    file.write_text('KAFKA_TOPIC = "md"\nBATCH_MAX_MESSAGES = "many"\n')
    wrong = {"STORE": "mongo", "NATS_URL": "http://x", "HTTP_PORT": "99999", "TAPESTORE_CONFIG": str(file)}
    ended = tapestore("run", told=wrong, expect=78)

    assert ended.err.startswith("tapestore: 5 settings are wrong:")
    for name in ("STORE", "NATS_URL", "HTTP_PORT", "KAFKA_TOPIC", "BATCH_MAX_MESSAGES"):
        assert f"{name}: " in ended.err
    assert "Traceback" not in ended.err


def test_a_second_writer_of_a_local_store_is_refused(tmp_path: Path) -> None:
    told = {"LOCAL_PATH": str(tmp_path), "NATS_URL": f"nats://{NOWHERE}"}
    with running("run", told=told) as first:
        first.wait_until("/readyz", lambda _, body: "store" not in failing(body))
        second = tapestore("run", told=told, expect=69)
        assert first.end().code == 0

    (refusal,) = (line for line in second.err.splitlines() if not line.startswith("{"))
    assert f"process {first.process.pid} already writes" in refusal
    assert "LOCAL_PATH" in refusal


@pytest.mark.parametrize("arguments", [["run", "--until-idle", "soon"], ["replay", "no-such-file"]])
def test_wrong_arguments_are_usage_errors(arguments: list[str]) -> None:
    ended = tapestore(*arguments, told={}, expect=2)
    assert ended.err
    assert "Traceback" not in ended.err
