"""The command line as people and scripts use it: real processes, pipes, terminals and servers."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import join

import pytest

from consumer.sources.lines import blocks_of_lines
from tests.end_to_end.command import COMMAND, Ended, dead_letters, documents, environment, running, tapestore

Told = dict[str, str]
NOBODY = "127.0.0.1:1"
PATIENCE_SECONDS = 30


@pytest.fixture
def local(tmp_path: Path) -> Told:
    return {"STORE": "local", "LOCAL_PATH": str(tmp_path / "store"), "MARKET": "test", "BATCH_MAX_AGE_SECONDS": "0.2"}


@pytest.fixture
def nats(nats_url: str, unique_name: str) -> Told:
    return {
        "NATS_URL": nats_url,
        "NATS_STREAM": unique_name,
        "NATS_SUBJECT": f"{unique_name}.data",
        "NATS_DURABLE": unique_name,
    }


@pytest.fixture
def mongodb(mongodb_uri: str, unique_name: str, tmp_path: Path) -> Told:
    local = {"LOCAL_PATH": str(tmp_path / "store"), "MARKET": "test"}
    return local | {"STORE": "mongodb", "MONGODB_URI": mongodb_uri, "MONGODB_DB": unique_name}


def lines(tape: Path) -> list[bytes]:
    """The messages of a tape; fails when it is not whole."""
    return [line for block in blocks_of_lines(tape, 1 << 24) for line in block]


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def simulate(tape: Path, *arguments: str) -> Path:
    tapestore("simulate", "--to", str(tape), *arguments, told={})
    return tape


# Tapes.


def test_a_stream_is_recorded_in_parts_replayed_and_still_there_for_run(
    nats: Told, local: Told, tmp_path: Path
) -> None:
    jetstream = nats | {"SOURCE": "jetstream"}
    tapestore("simulate", "--to", "jetstream", "--create", "--count", "3000", "--faults", "all", told=jetstream)
    tapes = [tmp_path / "first.jsonl.zst", tmp_path / "rest.jsonl.gz"]
    tapestore("record", str(tapes[0]), "--count", "1000", told=jetstream)
    tapestore("record", str(tapes[1]), "--until-idle", "1", told=jetstream)
    assert [len(lines(tape)) for tape in tapes] == [1000, 2000]

    consumed = local | jetstream | {"LOCAL_PATH": str(tmp_path / "consumed")}
    run = tapestore("run", "--until-idle", "1", "--json", told=consumed).json["datasets"]
    replay = tapestore("replay", *map(str, tapes), "--json", told=local).json["datasets"]
    assert sum(row["received"] for row in run.values()) == sum(row["received"] for row in replay.values())
    assert documents(consumed) == documents(local)
    assert len(dead_letters(consumed)) == len(dead_letters(local)) > 0


def test_a_recorder_beside_run_sees_all_and_leaves_a_whole_file_on_sigterm(
    nats: Told, local: Told, tmp_path: Path
) -> None:
    core, tape = nats | {"SOURCE": "nats"}, tmp_path / "tape.jsonl.zst"
    with running("run", told=core | local) as run, running("record", str(tape), told=core) as recorder:
        run.wait_ready()
        until(lambda: "source_connected" in recorder.err)
        tapestore("simulate", "--to", "nats", "--count", "500", told=core)
        until(lambda: tape.exists() and len(lines(tape)) == 500)
        recorded = recorder.end(signal.SIGTERM)
        consumed = run.end(signal.SIGTERM)
    assert (recorded.code, consumed.code) == (0, 0)
    assert f"500 messages in {tape}." in recorded.err
    assert len(lines(tape)) == 500
    before = documents(local)
    assert before
    tapestore("replay", str(tape), told=local)
    assert documents(local) == before


def test_a_recorder_waits_for_its_stream_says_so_and_leaves_no_empty_file(nats: Told, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    with running("record", str(tape), told=nats | {"SOURCE": "jetstream"}) as recorder:
        until(lambda: f"there is no stream {nats['NATS_STREAM']}" in recorder.err)
        ended = recorder.end(signal.SIGTERM)
    assert ended.code == 0
    assert ended.err.endswith(f"No message came: {tape} is not made.\n")
    assert not tape.exists()


# Dead letters.


def limited(told: Told, tape: Path) -> Told:
    """A store with room for one symbol, and dead letters of all others."""
    simulate(tape, "--symbols", "30", "--kinds", "trade", "--count", "400")
    tapestore("replay", str(tape), told=told | {"MAX_COLLECTIONS": "1"})
    assert len(dead_letters(told)) > 300
    return told | {"MAX_COLLECTIONS": "100"}


def test_letters_are_stored_and_removed_once_their_cause_is_mended(mongodb: Told, tmp_path: Path) -> None:
    mended = limited(mongodb, tmp_path / "tape.jsonl")
    letters = len(dead_letters(mended))
    told = tapestore("dlq", "replay", "--reason", "symbol limit", "--json", told=mended).json
    assert (told["removed"], told["kept"]) == (letters, 0)
    assert sum(map(len, documents(mended).values())) == 400
    assert tapestore("dlq", "list", told=mended).err == "There are no dead letters.\n"
    assert tapestore("verify", "--json", told=mended).json["ok"]


def test_a_replay_of_letters_that_is_killed_in_the_middle_loses_nothing(mongodb: Told, tmp_path: Path) -> None:
    mended = limited(mongodb, tmp_path / "tape.jsonl")
    letters = len(dead_letters(mended))
    with running("dlq", "replay", "--rate", "40", told=mended) as replay:
        until(lambda: len(dead_letters(mended)) < letters - 5)
        assert replay.end(signal.SIGKILL).code == -signal.SIGKILL
    left = dead_letters(mended)
    assert 0 < len(left) < letters
    assert sum(map(len, documents(mended).values())) + len(left) >= 400
    tapestore("dlq", "replay", told=mended)
    assert dead_letters(mended) == []
    assert sum(map(len, documents(mended).values())) == 400


def test_mongodb_is_queried_purged_and_not_compacted(mongodb: Told, tmp_path: Path) -> None:
    told = limited(mongodb, tmp_path / "tape.jsonl")
    (name,) = documents(told)
    symbol = name.removeprefix("trades_")
    latest, *others = tapestore("query", "trades", symbol, "--latest", "5", "--json", told=told).out.splitlines()
    assert len(others) == 4
    assert json.loads(latest)["symbol"] == symbol
    first = tapestore("query", "trades", symbol, "--limit", "2", "--json", told=told)
    assert (len(first.out.splitlines()), first.err) == (2, "")
    removed = tapestore("dlq", "purge", "--all", "--yes", "--json", told=told).json["removed"]
    assert removed + sum(map(len, documents(told).values())) == 400
    assert "only the local store" in tapestore("compact", told=told, expect=2).err


# Servers that are not there.


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "trades", "BTCUSDT"),
        ("dlq", "list"),
        ("dlq", "replay"),
        ("replay", "tape.jsonl"),
        ("simulate", "--to", "jetstream"),
        ("simulate", "--to", "kafka"),
        ("verify",),
        ("migrate", "up"),
    ],
    ids=" ".join,
)
def test_a_one_shot_command_without_its_server_exits_69_with_one_line_and_no_password(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tape.jsonl").write_text("{}\n")
    told = {
        "PYTHONWARNINGS": "",  # as people have it: PyMongo leaves a socket that never connected to the collector
        "LOG_LEVEL": "ERROR",
        "STORE": "mongodb",
        "MONGODB_URI": f"mongodb://user:canary@{NOBODY}",
        "NATS_URL": f"nats://user:canary@{NOBODY}",
        "KAFKA_BOOTSTRAP_SERVERS": NOBODY,
        "METADATA_URL": f"postgresql://user:canary@{NOBODY}/x",
    }
    ended = tapestore(*arguments, told=told, expect=69)
    (line,) = [line for line in ended.err.splitlines() if not line.startswith("{")]  # else it is a log line
    assert line.startswith("tapestore: ")
    assert ended.out == ""
    assert "canary" not in ended.err


def test_migrations_go_forward_and_back_on_postgresql(postgresql_database: str) -> None:
    told = {"METADATA_URL": postgresql_database}
    before = tapestore("migrate", "status", "--json", told=told, expect=1).json
    up = tapestore("migrate", "up", "--json", told=told).json
    assert (before["current"], up["current"], up["pending"]) == (None, before["head"], [])
    assert tapestore("verify", "--json", told=told).json["ok"]
    assert tapestore("migrate", "down", "--to", "base", "--json", told=told).json["current"] is None
    assert "pending: " in tapestore("migrate", "status", told=told, expect=1).out


# Pipes and terminals.


def test_a_reader_that_has_seen_enough_ends_a_query_quietly(local: Told, tmp_path: Path) -> None:
    tape = simulate(tmp_path / "tape.jsonl", "--symbols", "1", "--kinds", "trade", "--count", "3000")
    tapestore("replay", str(tape), told=local)
    for form in ("json", "csv"):
        query = join([*COMMAND, "query", "trades", "BTCUSDT", "--format", form])
        done = subprocess.run(
            ["bash", "-c", f"{query} | head -n 2; echo ${{PIPESTATUS[0]}}"],
            env=environment(local),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        assert (len(done.stdout.splitlines()), done.stdout.splitlines()[-1]) == (3, "141")


def on_a_terminal(*arguments: str, told: Mapping[str, str]) -> Ended:
    """Run a command with a terminal of 100 columns as its stdout and stderr."""
    ours, theirs = pty.openpty()
    size = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    process = subprocess.Popen([*COMMAND, *arguments], env=environment({**size, **told}), stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    return Ended(process.wait(PATIENCE_SECONDS), shown.decode(), "")


SIMULATION = ("simulate", "--to", "tape.jsonl", "--count", "4000", "--rate", "4000")


def test_work_shows_its_progress_on_a_terminal_and_takes_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = on_a_terminal(*SIMULATION, told={})
    assert ended.code == 0
    assert "sending to tape.jsonl" in ended.out
    assert "of 4,000" in ended.out
    assert "\x1b[2K" in ended.out
    assert ended.out.rstrip().endswith("4,000 messages sent to tape.jsonl.")


def test_a_table_fits_the_terminal_or_becomes_paragraphs(local: Told, tmp_path: Path) -> None:
    tape = simulate(tmp_path / "tape.jsonl", "--symbols", "1", "--count", "300", "--faults", "all")
    tapestore("replay", str(tape), told=local)
    verified = on_a_terminal("verify", told=local | {"COLUMNS": "80"}).out.splitlines()
    assert any("candles_BTCUSDT_1m" in line for line in verified)
    query = ("query", "trades", "BTCUSDT", "--latest", "2")
    wide, narrow = (on_a_terminal(*query, told=local | {"COLUMNS": width}).out for width in ("200", "60"))
    assert (wide.count("is_buyer_maker"), narrow.count("is_buyer_maker")) == (1, 2)
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in [*verified, *narrow.splitlines()]) <= 80


def test_no_color_means_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colored, plain = (on_a_terminal("demo", "--count", "200", told=told).out for told in ({}, {"NO_COLOR": "1"}))
    assert "\x1b[1;32m" in colored
    assert [code for code in ("[31m", "[32m", "[1;32m", "[38;", "[33m") if f"\x1b{code}" in plain] == []


def test_without_a_terminal_there_is_no_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = tapestore(*SIMULATION, told={})
    assert (ended.out, ended.err) == ("", "4,000 messages sent to tape.jsonl.\n")
