"""`tapestore dlq`: what it shows, what it removes, and what a replay leaves behind."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from storage import DeadLetter, Reason
from tests.samples import FORCE_ORDER, SPOT_TRADE, TICKER
from tests.unit.cli.command import Command, Ended, letter, letters_of, store_letters

NASTY = b'{"\x1b[2J\x9b\xff":"[red]"}'


@pytest.fixture
def letters(store: Path) -> list[DeadLetter]:
    """One of each kind."""
    kept = [
        letter(0),
        letter(1, NASTY, Reason.NOT_UTF8, source="nats", headers={"x-\x1b[31m": "\x07"}, error="\x1b]0;hi\x07[bold]"),
        letter(2, b"{}", Reason.SYMBOL_LIMIT),
    ]
    store_letters(store, *kept)
    return kept


def identities(ended: Ended) -> list[str]:
    return [each["id"] for each in ended.json["letters"]]


def test_list_shows_the_oldest_first_and_counts_the_reasons(tapestore: Command, letters: list[DeadLetter]) -> None:
    listed = tapestore("dlq", "list", "--json")
    assert identities(listed) == [each.id for each in letters]
    assert listed.json["counts"] == {"not json": 1, "not utf-8": 1, "symbol limit": 1}
    assert listed.json["letters"][0] == {
        "id": letters[0].id,
        "bytes": 7,
        "subject": "md",
        "source": "kafka",
        "position": "md/0/0",
        "message_time": None,
        "element": 0,
        "reason": "not json",
        "error": "it is broken",
        "trace_id": None,
        "first_seen": "2025-04-01T00:00:00.000Z",
        "last_seen": "2025-04-01T00:00:00.000Z",
        "attempts": 1,
        "replayed_at": None,
    }


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (("--reason", "symbol limit"), [2]),
        (("--reason", "Symbol-Limit"), [2]),
        (("--reason", "not utf-8"), [1]),
        (("--source", "nats"), [1]),
        (("--reason", "not json", "--source", "nats"), []),
        (("--limit", "2"), [0, 1]),
        (("--limit", "0"), [0, 1, 2]),
    ],
)
def test_list_takes_filters(
    tapestore: Command, letters: list[DeadLetter], chosen: tuple[str, ...], found: list[int]
) -> None:
    assert identities(tapestore("dlq", "list", "--json", *chosen)) == [letters[number].id for number in found]


@pytest.mark.usefixtures("letters")
def test_a_reason_that_does_not_exist_is_refused_with_those_that_do(tapestore: Command) -> None:
    for verb in ("list", "replay", "purge"):
        said = tapestore("dlq", verb, "--reason", "bad", expect=2).err
        assert "no reason is called 'bad'; known are too large, too deep" in said


@pytest.mark.usefixtures("letters")
def test_a_list_speaks_of_its_limit_only_where_that_may_hide_letters(tapestore: Command) -> None:
    assert "2 of 3 letters; --limit shows more" in tapestore("dlq", "list", "--limit", "2").err
    assert "--limit" not in tapestore("dlq", "list").err


def test_an_empty_list_says_so_on_stderr(tapestore: Command, store: Path) -> None:
    store_letters(store)
    ended = tapestore("dlq", "list")
    assert (ended.out, ended.err) == ("", "There are no dead letters.\n")


def test_nothing_of_a_letter_steers_the_terminal(tapestore: Command, letters: list[DeadLetter]) -> None:
    for arguments in (("list",), ("list", "--json"), ("show", letters[1].id), ("show", letters[1].id, "--json")):
        ended = tapestore("dlq", *arguments)
        assert [
            character for character in ended.out + ended.err if not (character.isprintable() or character == "\n")
        ] == []


def test_show_prints_the_bytes_as_text_where_they_are_text(tapestore: Command, letters: list[DeadLetter]) -> None:
    shown = tapestore("dlq", "show", letters[1].id).out
    assert r'data  {"\x1b[2J\x9b\xff":"[red]"}' in shown
    assert r"header  x-\x1b[31m: \x07" in shown
    assert "not utf-8" in shown


def test_show_as_json_loses_nothing(tapestore: Command, letters: list[DeadLetter]) -> None:
    text, raw = (tapestore("dlq", "show", each.id, "--json").json for each in letters[:2])
    assert (text["data"], "base64" in text) == ("{broken", False)
    assert (b64decode(raw["base64"]), "data" in raw) == (NASTY, False)
    assert raw["headers"] == {"x-\x1b[31m": "\x07"}


@pytest.mark.usefixtures("letters")
def test_show_of_an_unknown_letter_exits_2(tapestore: Command) -> None:
    assert "there is no dead letter 'nope'" in tapestore("dlq", "show", "nope", expect=2).err


def test_purge_asks_and_does_nothing_when_the_answer_is_no(
    tapestore: Command, letters: list[DeadLetter], store: Path
) -> None:
    ended = tapestore("dlq", "purge", "--all", answer="n\n", expect=1)
    assert "Remove 3 dead letters for good?" in ended.err
    assert "Nothing is removed; --yes does not ask." in ended.err
    tapestore("dlq", "purge", "--all", answer="", expect=1)
    assert len(letters_of(store)) == 3


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (("--reason", "not json"), [1, 2]),
        (("--source", "kafka"), [1]),
        (("--all",), []),
    ],
)
def test_purge_removes_what_is_meant(
    tapestore: Command, letters: list[DeadLetter], store: Path, chosen: tuple[str, ...], left: list[int]
) -> None:
    removed = tapestore("dlq", "purge", *chosen, "--yes", "--json").json
    assert removed == {"removed": 3 - len(left)}
    assert letters_of(store) == [letters[number] for number in left]


def test_purge_by_id_after_a_yes(tapestore: Command, letters: list[DeadLetter], store: Path) -> None:
    assert tapestore("dlq", "purge", letters[1].id, answer="y\n").out == "1 dead letters removed.\n"
    assert letters_of(store) == [letters[0], letters[2]]


@pytest.mark.parametrize("arguments", [(), ("--all", "--source", "kafka")])
@pytest.mark.usefixtures("letters")
def test_purge_wants_to_be_told_which_or_all(tapestore: Command, arguments: tuple[str, ...]) -> None:
    assert "say which" in tapestore("dlq", "purge", "--yes", *arguments, expect=2).err


@pytest.mark.parametrize("verb", [("list",), ("show", "x"), ("replay",), ("replay", "--dry-run"), ("purge", "--all")])
def test_a_store_that_is_not_there_exits_69_and_is_not_made(
    tapestore: Command, store: Path, verb: tuple[str, ...]
) -> None:
    assert "there is no store in" in tapestore("dlq", *verb, expect=69).err
    assert not store.exists()


@pytest.fixture
def limited(tapestore: Command, tmp_path: Path) -> Command:
    """A store with room for one collection, and three messages for three collections."""
    tapestore.tell(MARKET="test", LOG_LEVEL="ERROR", BATCH_MAX_AGE_SECONDS="0.05")
    (tmp_path / "tape").write_bytes(b"\n".join([SPOT_TRADE, TICKER, FORCE_ORDER, b"broken"]))
    tapestore.tell(MAX_COLLECTIONS="1")
    tapestore("replay", "tape")
    return tapestore


def reasons(store: Path) -> dict[str, int]:
    return {each.reason: each.attempts for each in letters_of(store)}


def test_a_replay_stores_and_removes_what_its_cause_was_mended_for(limited: Command, store: Path) -> None:
    assert reasons(store) == {"symbol limit": 1, "not json": 1}
    limited.tell(MAX_COLLECTIONS="10")
    said = limited("dlq", "replay").out
    assert "2 dead letters are stored now and removed, 1 died again and stay." in said
    (left,) = letters_of(store)
    assert (left.reason, left.attempts) == ("not json", 2)
    assert left.replayed_at is not None
    assert sorted(path.name for path in (store / "market").iterdir()) == [
        "liquidations_BTCUSDT",
        "tickers_BTCUSDT",
        "trades_BTCUSDT",
    ]


def test_a_second_replay_changes_nothing_but_the_attempts(limited: Command, store: Path) -> None:
    limited.tell(MAX_COLLECTIONS="10")
    first = limited("dlq", "replay", "--json").json
    second = limited("dlq", "replay", "--json").json
    assert [(each["removed"], each["kept"]) for each in (first, second)] == [(2, 1), (0, 1)]
    assert reasons(store) == {"not json": 3}
    assert limited("verify").code == 0


def test_a_replay_takes_filters_and_says_how_many_it_would_be(limited: Command, store: Path) -> None:
    chosen = ("dlq", "replay", "--reason", "symbol-limit")
    assert limited(*chosen, "--dry-run").out == "2 dead letters would be replayed.\n"
    assert limited(*chosen, "--dry-run", "--json").json == {"would_be_replayed": 2}
    assert reasons(store) == {"symbol limit": 1, "not json": 1}
    assert limited(*chosen, "--json").json["kept"] == 2
    assert reasons(store) == {"symbol limit": 2, "not json": 1}


def test_a_replay_of_nothing_says_so(limited: Command) -> None:
    ended = limited("dlq", "replay", "--source", "kafka")
    assert (ended.out, ended.err) == ("", "No dead letter is meant by that.\n")
    assert limited("dlq", "replay", "--source", "kafka", "--json").json["removed"] == 0


def test_a_good_element_of_a_list_leaves_and_a_bad_one_stays(tapestore: Command, store: Path, tmp_path: Path) -> None:
    tapestore.tell(MARKET="test", LOG_LEVEL="ERROR", BATCH_MAX_AGE_SECONDS="0.05", MAX_COLLECTIONS="1")
    price = b'{"e":"markPriceUpdate","E":1562305380000,"s":"%s","p":"%s","i":"1","P":"1","r":"","T":0}'
    elements = [price % (b"BTCUSDT", b"1"), price % (b"ETHUSDT", b"1"), price % (b"XRPUSDT", b"x")]
    (tmp_path / "tape").write_bytes(b'{"stream":"!markPrice@arr@1s","data":[' + b",".join(elements) + b"]}")
    tapestore("replay", "tape")
    assert {each.element: each.reason for each in letters_of(store)} == {1: "symbol limit", 2: "invalid number"}
    tapestore.tell(MAX_COLLECTIONS="10")
    assert tapestore("dlq", "replay", "--json").json["removed"] == 1
    (left,) = letters_of(store)
    assert (left.element, left.attempts, left.replayed_at is None) == (2, 2, False)
