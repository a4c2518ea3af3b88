"""`simulate`, `replay`, `record` and `demo`, as far as they need no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.simulator import read_truth
from tests.unit.cli.command import Command, letters_of


@pytest.fixture
def quiet(tapestore: Command) -> Command:
    tapestore.tell(MARKET="test", LOG_LEVEL="ERROR", BATCH_MAX_AGE_SECONDS="0.2")
    return tapestore


def test_the_same_seed_is_the_same_tape(quiet: Command, tmp_path: Path) -> None:
    for name, seed in (("a.jsonl", "1"), ("b.jsonl", "1"), ("c.jsonl", "2")):
        ended = quiet("simulate", "--to", name, "--count", "300", "--seed", seed, "--faults", "all")
        assert (ended.out, ended.err) == ("", f"300 messages sent to {name}.\n")
    a, b, c = ((tmp_path / name).read_bytes() for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    assert a == b != c


def test_what_was_sent_as_json(quiet: Command) -> None:
    told = quiet("simulate", "--to", "tape.jsonl.gz", "--count", "20", "--json")
    assert (told.json, told.err) == ({"to": "tape.jsonl.gz", "messages": 20, "seed": 0}, "")


def test_a_replay_stores_the_truth_and_a_second_one_nothing(quiet: Command, tmp_path: Path, store: Path) -> None:
    quiet("simulate", "--to", "tape.jsonl.zst", "--count", "400", "--faults", "broken", "--truth", "truth")
    truth = read_truth(tmp_path / "truth")
    first = quiet("replay", "tape.jsonl.zst", "--json").json["datasets"]
    assert {name for name in first if name != "undecoded"} == set(truth.documents)
    assert len(letters_of(store)) == truth.dead_letters.total() > 0
    second = quiet("replay", "tape.jsonl.zst", "--json").json["datasets"]
    assert sum(row["stored"] for row in second.values()) == 0
    assert "received" in quiet("replay", "tape.jsonl.zst").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "jetstrem"), "no bus is called 'jetstrem': known are jetstream, nats, kafka"),
        (("--to", "there.jsonl"), "there.jsonl is there already"),
        (("--to", "nowhere/tape.jsonl"), "its folder is not"),
        (("--to", "new.jsonl", "--kinds", "trade,quotes"), "no kind is called quotes; known are trade,"),
        (("--to", "new.jsonl", "--faults", "gap,fire"), "no fault is called 'fire': known are all, gap"),
        (("--to", "new.jsonl", "--faults", "gap=2"), "gap must be a share from 0 to 1"),
        (("--to", "new.jsonl", "--truth", "nowhere/truth.json"), "--truth nowhere/truth.json is no place for a file"),
    ],
)
def test_what_cannot_be_simulated_exits_2(
    quiet: Command, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "there.jsonl").touch()
    ended = quiet("simulate", *arguments, expect=2)
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert said in ended.err
    assert not (tmp_path / "new.jsonl").exists()


def test_nothing_is_sent_where_the_settings_do_not_listen(quiet: Command) -> None:
    quiet.tell(NATS_SUBJECT="quotes.>")
    said = quiet("simulate", "--to", "jetstream", expect=2).err
    assert said == "tapestore: NATS_SUBJECT quotes.> may not hear md.…, where simulate sends: set md.> or one subject\n"


@pytest.mark.parametrize("name", ["nope.jsonl", "."])
def test_a_tape_that_is_not_there_exits_2(quiet: Command, store: Path, name: str) -> None:
    assert quiet("replay", name, expect=2).err == f"tapestore: no such file, or a folder: {name}\n"
    assert not store.exists()


def test_a_broken_tape_exits_69_after_all_that_precedes_the_damage(quiet: Command, tmp_path: Path) -> None:
    quiet("simulate", "--to", "tape.gz", "--count", "100", "--kinds", "trade")
    tape = tmp_path / "tape.gz"
    tape.write_bytes(tape.read_bytes()[:-30])
    assert "give a file that is whole" in quiet("replay", "tape.gz", expect=69).err
    assert quiet("query", "trades", "BTCUSDT", "--json").lines


def test_record_never_writes_over_a_file(quiet: Command, tmp_path: Path) -> None:
    (tmp_path / "tape.jsonl").write_text("precious")
    assert "is there already" in quiet("record", "tape.jsonl", expect=2).err
    assert "its folder is not" in quiet("record", "nowhere/tape.jsonl", expect=2).err
    assert (tmp_path / "tape.jsonl").read_text() == "precious"


@pytest.mark.parametrize("name", ["", "a b", "md.>", "x" * 65])
def test_record_refuses_a_name_that_no_bus_takes(quiet: Command, tmp_path: Path, name: str) -> None:
    assert "letters, digits, _ and -, at most 64" in quiet("record", "tape.jsonl", "--name", name, expect=2).err
    assert not (tmp_path / "tape.jsonl").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SOURCE": "file", "REPLAY_FILES": "x"}, "there is no bus to record: SOURCE is file"),
        ({"SOURCE": "jetstream", "NATS_DURABLE": "tapestore-record"}, "--name tapestore-record is the name of `run`"),
        ({"SOURCE": "nats", "NATS_DURABLE": "tapestore-record"}, "--name tapestore-record is the name of `run`"),
        ({"SOURCE": "kafka", "KAFKA_GROUP_ID": "tapestore-record"}, "--name tapestore-record is the name of `run`"),
    ],
)
def test_record_never_takes_from_run(quiet: Command, tmp_path: Path, settings: dict[str, str], said: str) -> None:
    quiet.tell(**settings)
    assert said in quiet("record", "tape.jsonl", expect=2).err
    assert not (tmp_path / "tape.jsonl").exists()


def test_the_demo_finds_every_document_and_says_what_to_try(quiet: Command, tmp_path: Path) -> None:
    ended = quiet("demo", "--count", "600", "--path", "demo")
    assert ended.err == "A simulated market of all kinds, and every kind of trouble, into demo\n"
    for said in (
        "not one is missing, not one is different.",
        "never sent",
        "export STORE=local LOCAL_PATH=demo",
        "undecoded",
    ):
        assert said in ended.out
    quiet.tell(LOCAL_PATH="demo")
    assert quiet("query", "trades", "BTCUSDT", "--latest", "1", "--json").lines
    assert quiet("verify").code == 0


@pytest.mark.parametrize("place", ["there.jsonl", "there.jsonl/demo"])
def test_a_demo_without_a_place_is_one_line_that_says_what_to_do(quiet: Command, tmp_path: Path, place: str) -> None:
    (tmp_path / "there.jsonl").touch()
    ended = quiet("demo", "--path", place, expect=69)
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert ended.err.startswith(f"tapestore: no folder {place}: ")
    assert "--path" in ended.err


def test_the_demo_as_json(quiet: Command) -> None:
    ended = quiet("demo", "--count", "300", "--path", "demo", "--json")
    assert ended.err == ""
    assert (ended.json["messages"], ended.json["differences"]) == (300, [])
    assert sum(row["received"] for row in ended.json["datasets"].values()) >= 300


def test_the_demo_fails_when_the_store_holds_something_else(quiet: Command) -> None:
    quiet("demo", "--count", "300", "--path", "demo", "--seed", "1")
    ended = quiet("demo", "--count", "300", "--path", "demo", "--seed", "2", expect=1)
    assert "are not as they must be, such as: " in ended.out
