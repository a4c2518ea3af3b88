"""LOCAL_FORMAT: the local store in lines of JSON, from the bus to the answer of a query."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.end_to_end.command import dead_letters, documents, tapestore

Told = dict[str, str]


def local(folder: Path, format: str) -> Told:
    return {
        "STORE": "local",
        "LOCAL_PATH": str(folder),
        "LOCAL_FORMAT": format,
        "MARKET": "test",
        "BATCH_MAX_AGE_SECONDS": "0.2",
    }


def suffixes(folder: Path) -> Counter[str]:
    """How the files of market data end."""
    return Counter("".join(file.suffixes) for file in (folder / "market").rglob("*") if file.is_file())


@pytest.fixture
def tape(tmp_path: Path) -> str:
    tape = str(tmp_path / "tape.jsonl")
    tapestore("simulate", "--to", tape, "--count", "1500", "--faults", "all", told={})
    return tape


def test_a_replay_into_json_answers_as_one_into_parquet(tape: str, tmp_path: Path) -> None:
    json, parquet = local(tmp_path / "json", "json"), local(tmp_path / "parquet", "parquet")
    for told in (json, parquet):
        tapestore("replay", tape, told=told)

    assert set(suffixes(tmp_path / "json")) == {".jsonl.zst"}
    assert set(suffixes(tmp_path / "parquet")) == {".parquet"}
    assert documents(json) == documents(parquet)
    assert len(dead_letters(json)) == len(dead_letters(parquet)) > 0
    asked = ("query", "trades", "BTCUSDT", "--json")
    assert tapestore(*asked, told=json).out == tapestore(*asked, told=parquet).out != ""
    assert tapestore("verify", "--json", told=json).json["ok"]


@pytest.mark.server("nats")
def test_run_writes_json(nats_url: str, unique_name: str, tmp_path: Path) -> None:
    told = local(tmp_path / "json", "json") | {
        "SOURCE": "jetstream",
        "NATS_URL": nats_url,
        "NATS_STREAM": unique_name,
        "NATS_SUBJECT": f"{unique_name}.data",
    }
    tapestore("simulate", "--to", "jetstream", "--create", "--kinds", "trade", "--count", "200", told=told)

    tapestore("run", "--until-idle", "1", told=told)

    assert set(suffixes(tmp_path / "json")) == {".jsonl.zst"}
    assert sum(map(len, documents(told).values())) == 200


def test_the_format_may_change_between_two_runs(tape: str, tmp_path: Path) -> None:
    both = tmp_path / "both"
    tapestore("replay", tape, told=local(both, "parquet"))
    before = documents(local(both, "parquet"))

    tapestore("replay", tape, told=local(both, "json"))
    assert documents(local(both, "json")) == before
    tapestore("compact", told=local(both, "json"))

    assert documents(local(both, "parquet")) == before
