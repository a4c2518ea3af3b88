"""`tapestore verify`: it tells numbers that add up from numbers that do not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.samples import MARKET_DATA
from tests.unit.cli.command import Command

ONE_ROW = "WHERE lineage_id = (SELECT min(lineage_id) FROM lineage_records WHERE dataset_id = 'spot.{}' AND stored > 0)"


@pytest.fixture
def verified(tapestore: Command, tmp_path: Path) -> Command:
    """A store that two runs have written, with a dead letter."""
    tapestore.tell(MARKET="spot", LOG_LEVEL="ERROR", BATCH_MAX_AGE_SECONDS="0.05")
    (tmp_path / "tape").write_bytes(b"\n".join([*MARKET_DATA, b"broken"]))
    tapestore("replay", "tape")
    tapestore("replay", "tape")
    return tapestore


def change(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store / "metadata.sqlite")) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_what_was_replayed_adds_up(verified: Command) -> None:
    told = verified("verify", "--json").json
    assert (told["ok"], told["findings"]) == (True, [])
    trades = [row for row in told["totals"] if row["dataset_id"] == "spot.trades_BTCUSDT"]
    assert [(row["transformation"], row["received"], row["stored"], row["duplicate"]) for row in trades] == [
        ("replay", 2, 2, 0),
        ("replay", 2, 0, 2),
    ]


def test_the_table_has_one_line_a_dataset_and_a_sum(verified: Command) -> None:
    told = verified("verify").out
    assert told.count("spot.trades_BTCUSDT") == 1
    assert "All numbers of 2 runs add up." in told
    received = sum(row["received"] for row in verified("verify", "--json").json["totals"])
    assert f" all {received} " in " ".join(told.split())


def test_one_run_can_be_looked_at(verified: Command) -> None:
    run = verified("verify", "--json").json["totals"][0]["run_id"]
    assert {row["run_id"] for row in verified("verify", "--run", run, "--json").json["totals"]} == {run}
    assert "there is no run 'nope'" in verified("verify", "--run", "nope", expect=2).err


def test_a_row_that_was_tampered_with_fails_and_shows_the_difference(verified: Command, store: Path) -> None:
    change(store, f"UPDATE lineage_records SET stored = stored - 1 {ONE_ROW.format('trades_BTCUSDT')}")
    told = verified("verify", "--json", expect=1).json
    assert told["ok"] is False
    (finding,) = [each for each in told["findings"] if each["dataset_id"] == "spot.trades_BTCUSDT"]
    assert (finding["kind"], finding["difference"], finding["failure"]) == ("unbalanced", 1, True)
    said = verified("verify", expect=1).out
    assert f"FAILED: run {finding['run_id']}, spot.trades_BTCUSDT: received 2, ended 1 (stored 1)" in said
    assert "The numbers do not add up." in said


def test_a_row_that_was_removed_fails(verified: Command, store: Path) -> None:
    change(store, "DELETE FROM lineage_records WHERE dataset_id = 'spot.trades_BTCUSDT'")
    kinds = {each["kind"] for each in verified("verify", "--json", expect=1).json["findings"]}
    assert kinds == {"missing rows"}


def test_the_open_interval_of_a_killed_run_is_shown_and_is_no_failure(verified: Command, store: Path) -> None:
    change(store, "DELETE FROM lineage_records WHERE transformation = 'run'")
    change(store, f"UPDATE lineage_records SET received = received + 3 {ONE_ROW.format('tickers_BTCUSDT')}")
    told = verified("verify", "--json").json
    assert [(each["kind"], each["difference"]) for each in told["findings"]] == [("open interval", 3)]
    assert "open: run " in verified("verify").out


def test_an_empty_lineage_is_no_failure(tapestore: Command) -> None:
    tapestore("migrate", "up")
    ended = tapestore("verify")
    assert (ended.out, ended.err) == ("", "The lineage is empty: nothing was consumed yet.\n")
    assert tapestore("verify", "--json").json == {"ok": True, "totals": [], "findings": []}


def test_a_database_that_is_not_there_is_not_made(tapestore: Command, store: Path) -> None:
    assert "there is no metadata database" in tapestore("verify", expect=69).err
    assert not store.exists()


def test_tables_that_are_not_there_are_told_in_one_line(tapestore: Command) -> None:
    tapestore("migrate", "up")
    tapestore("migrate", "down", "--to", "base")
    ended = tapestore("verify", expect=69)
    assert "migrate up" in ended.err
    assert ended.err.count("\n") == 1
