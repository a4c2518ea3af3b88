"""`tapestore ingest`: files in, every document accounted for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from consumer.cli.exits import Exit
from tests.unit.cli.command import Command, Ended

LINES = '{"model":"a","seconds":1.5}\n\n{"model":"b"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where results go."""
    return tmp_path / "results"


def ingest(tapestore: Command, folder: Path, *arguments: str, expect: int = 0) -> Ended:
    return tapestore("ingest", "--target", "local", "--path", str(folder), *arguments, expect=expect)


def held(folder: Path, collection: str = "results") -> list[dict[str, object]]:
    found = json.loads((folder / f"{collection}.json").read_text())
    return [{name: value for name, value in each.items() if name != "_id"} for each in found]


def test_json_lines_become_documents_and_the_same_ones_stay_what_they_are(
    tapestore: Command, tmp_path: Path, folder: Path
) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text(LINES)

    first = ingest(tapestore, folder, str(file), "--json").json["files"][0]
    again = ingest(tapestore, folder, str(file), "--json").json["files"][0]

    assert first == {
        "file": str(file),
        "status": "success",
        "errors": [],
        "read": 2,
        "inserted": 2,
        "updated": 0,
        "unchanged": 0,
        "failed": 0,
    }
    assert (again["inserted"], again["unchanged"]) == (0, 2)
    assert sorted(held(folder), key=str) == [{"model": "a", "seconds": 1.5}, {"model": "b"}]
    assert pq.read_table(folder / "results.parquet").num_rows == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b'[{"model":"a"},{"model":"b"}]'),
        ("a.ndjson", b'\xef\xbb\xbf{"model":"a"}\r\n{"model":"b"}\r\n'),
        ("a.csv", b"model,note\na,\nb,\n"),
        ("a.jsonl.gz", gzip.compress(b'{"model":"a"}\n{"model":"b"}', mtime=0)),
        ("a.json.zst", zstandard.compress(b'[{"model":"a"},{"model":"b"}]')),
    ],
)
def test_each_form_is_read(tapestore: Command, tmp_path: Path, folder: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)

    ingest(tapestore, folder, str(tmp_path / name))

    assert sorted(held(folder), key=str) == [{"model": "a"}, {"model": "b"}]


def test_keys_make_the_document_and_one_without_them_fails_by_name(
    tapestore: Command, tmp_path: Path, folder: Path
) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text('{"model":"a","v":1}\n{"v":2}\nnot json\n{"model":"a","v":3}\n"text"\n')

    ended = ingest(tapestore, folder, str(file), "--key", "model", "--json", expect=Exit.CHECK_FAILED)

    (told,) = ended.json["files"]
    assert (told["status"], told["read"], told["inserted"], told["updated"], told["failed"]) == ("partial", 5, 1, 1, 3)
    assert [each["index"] for each in told["errors"]] == [1, 2, 4]
    assert "no model" in told["errors"][0]["reason"]
    assert "line 3 is no JSON" in told["errors"][1]["reason"]
    assert held(folder) == [{"model": "a", "v": 3}]


def test_people_see_the_numbers_and_the_failures(tapestore: Command, tmp_path: Path, folder: Path) -> None:
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    files[0].write_text("{broken\n" * 25)
    files[1].write_text(LINES)

    ended = ingest(tapestore, folder, *map(str, files), expect=Exit.CHECK_FAILED)

    assert [line.split()[1:] for line in ended.out.splitlines() if line.startswith("all")] == [
        ["27", "2", "0", "0", "25"]
    ]
    assert "a.jsonl, document 19:" in ended.err
    assert "And 5 more failed" in ended.err


def test_a_dry_run_writes_nothing(tapestore: Command, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text(LINES)

    told = ingest(tapestore, folder, str(file), "--dry-run", "--json").json

    assert (told["dry_run"], told["files"][0]["inserted"]) == (True, 2)
    assert not (folder / "results.json").exists()
    assert ingest(tapestore, folder, str(file), "--json").json["files"][0]["inserted"] == 2


def test_a_run_summary_is_a_document_for_each_run(tapestore: Command, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text('{"successful_runs":[{"model":"a"}],"failed_runs":[{"model":"b"}]}')

    ingest(tapestore, folder, str(file), "--phase", "run")

    assert {(each["model"], each["outcome"]) for each in held(folder, "run_results")} == {
        ("a", "successful"),
        ("b", "failed"),
    }


def test_results_go_into_sqlite_too(tapestore: Command, tmp_path: Path) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text(LINES)
    to = ("--target", "sqlite", "--connection", f"sqlite:///{tmp_path}/it.sqlite", "--json")

    first = tapestore("ingest", str(file), *to).json["files"][0]
    again = tapestore("ingest", str(file), *to).json["files"][0]

    assert (first["inserted"], again["unchanged"]) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--target", "oracle"], "known are"),
        (["--target", "local", "--collection", "trades_BTCUSDT"], "free documents"),
        (["--target", "mongodb", "--database", "a b"], "database"),
        (["--target", "postgresql"], "needs a connection"),
    ],
)
def test_what_cannot_be_is_a_usage_error(tapestore: Command, tmp_path: Path, arguments: list[str], says: str) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text(LINES)

    assert says in tapestore("ingest", str(file), *arguments, expect=Exit.USAGE).err


def test_a_file_that_is_not_there_or_damaged_is_told_in_one_line(
    tapestore: Command, tmp_path: Path, folder: Path
) -> None:
    assert "no file" in ingest(tapestore, folder, "nowhere.json", expect=Exit.USAGE).err
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(LINES.encode() * 1000)[:-20])
    assert "it is damaged" in ingest(tapestore, folder, str(cut), expect=Exit.UNAVAILABLE).err
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(b"no gzip at all")
    assert f"{other}: it is damaged" in ingest(tapestore, folder, str(other), expect=Exit.UNAVAILABLE).err


def test_a_server_that_is_not_there_is_exit_69_and_shows_no_secret(tapestore: Command, tmp_path: Path) -> None:
    file = tmp_path / "perf.jsonl"
    file.write_text(LINES)

    to = ("--target", "mysql", "--connection", "mysql://user:canary@127.0.0.1:1/none")
    ended = tapestore("ingest", str(file), *to, expect=Exit.UNAVAILABLE)

    assert "canary" not in ended.out + ended.err
