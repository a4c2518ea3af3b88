"""Messages that are broken, too large, too many or hostile: each ends as it must, its neighbours are stored."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec
import pytest
import zstandard

from storage import Reason
from tests.end_to_end.command import Ended, dead_letters, documents, environment, tapestore
from tests.end_to_end.conftest import Told
from tests.faults.buses import publish
from tests.faults.conftest import CourtRoom
from tests.faults.judge import Figures
from tests.faults.test_store_faults import ended_well

MIB = 1 << 20
LOOK_SECONDS = 0.02
OF_A_FILE = {"recovery_seconds": "no fault that ends", "redelivered": "a file: nothing comes again"}
LEVEL = '["1.5","2"]'


@pytest.fixture
def told(bus: Told, store: Told) -> Told:
    return {**bus, **store, "LINEAGE_INTERVAL_SECONDS": "0.2"}


@pytest.mark.fault("a poison corpus", injection="three of ten messages broken in every known way", holds="P1 P3 P7")
@pytest.mark.parametrize(
    ("bus", "store"),
    [("jetstream", "local"), pytest.param("kafka", "mongodb", marks=pytest.mark.long)],
    indirect=True,
)
def test_every_broken_message_is_a_letter_and_its_neighbours_are_stored(
    told: Told, seed: int, judge_of: CourtRoom
) -> None:
    judge = judge_of(told, seed, faults=("all", "broken=0.3"))
    judge.send(600)
    with judge.service() as service:
        ended_well(judge, service)


@pytest.mark.fault(
    "bombs on the bus",
    injection="beyond MESSAGE_MAX_BYTES, and nested 30,000 deep, among a market's",
    holds="P1 P3 P6 P7",
)
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local")], indirect=True)
def test_what_is_too_large_or_too_deep_on_the_bus_is_a_letter(told: Told, seed: int, judge_of: CourtRoom) -> None:
    judge = judge_of(told | {"MESSAGE_MAX_BYTES": "64KiB"}, seed)
    judge.send(200)
    publish(told, *[large := b"[" + b"0," * 100_000 + b"0]", deep := b"[" * 30_000 + b"]" * 30_000] * 5)
    judge.feed.truth.messages += 10
    judge.feed.truth.dead_letters.update({Reason.TOO_LARGE: 5, Reason.TOO_DEEP: 5})
    with judge.service() as service:
        ended_well(judge, service)
    assert {letter.data for letter in dead_letters(judge.told)} >= {large, deep}


def trade(number: int) -> str:
    return f'{{"e":"trade","E":1672515782136,"s":"BTCUSDT","t":{number},"p":"1.5","q":"2","T":1672515782136,"m":true}}'


def book(levels: int, symbol: str = "BTCUSDT") -> str:
    """An order book that becomes a document of about 60 bytes a level."""
    bids = ",".join([LEVEL] * levels)
    return (
        f'{{"e":"depthUpdate","E":1672515782136,"T":1672515782136,"s":"{symbol}","U":1,"u":2,"pu":0,'
        f'"b":[{bids}],"a":[]}}'
    )


def replayed(told: Told, tape: Path) -> tuple[Ended, int]:
    """Replay a tape; how it ended, and the most memory that was resident, in MiB.

    `ru_maxrss` would not do: it counts the parent's memory too, of which the child is a copy before it is itself.
    """
    command = [sys.executable, "-m", "consumer", "replay", str(tape), "--json"]
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        with subprocess.Popen(command, env=environment(told), stdout=out, stderr=err, text=True) as process:
            peak = 0
            while process.poll() is None:
                peak = max(peak, _peak_mib(process.pid))
                time.sleep(LOOK_SECONDS)
        out.seek(0), err.seek(0)
        return Ended(process.returncode, out.read(), err.read()), peak


def _peak_mib(pid: int) -> int:
    """What the kernel says of a process; 0 when it is ending."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.fault(
    "messages are too large",
    injection="9 MB, and a document of more than 16 MB",
    holds="P1 P6 P7",
    instead=OF_A_FILE,
)
@pytest.mark.parametrize(("bus", "store"), [("file", "mongodb")], indirect=True)
def test_what_is_too_large_is_a_letter_and_its_neighbours_are_stored(
    told: Told, tmp_path: Path, figures: Figures
) -> None:
    tape = tmp_path / "tape.jsonl.zst"
    large, huge = trade(1).replace("true", '"' + "x" * 9 * MIB + '"'), book(700_000)
    with zstandard.open(tape, "wt") as lines:
        for data in (trade(1), large, trade(2), huge, trade(3)):
            lines.write(data + "\n")

    ended, peak = replayed(told, tape)
    figures.used(peak)
    assert ended.code == 0, ended.err
    assert Counter(letter.reason for letter in dead_letters(told)) == {Reason.TOO_LARGE: 2}
    wide = told | {"MESSAGE_MAX_BYTES": "64MiB", "MAX_IN_FLIGHT_BYTES": "128MiB"}
    ended, peak = replayed(wide, tape)
    figures.used(peak)

    assert ended.code == 0, ended.err
    assert Reason.DOCUMENT_TOO_LARGE in {letter.reason for letter in dead_letters(told)}
    figures.sent = 10
    figures.compare([1, 2, 3], (document["trade_id"] for document in documents(told)["trades_BTCUSDT"]))


@pytest.mark.fault(
    "a decompression bomb",
    injection="2 GB of zeros in 64 KB of zstd, between messages",
    holds="P1 P6",
    instead=OF_A_FILE,
)
@pytest.mark.parametrize(("bus", "store"), [("file", "local")], indirect=True)
def test_a_bomb_does_not_fill_the_memory(told: Told, tmp_path: Path, figures: Figures) -> None:
    tape = tmp_path / "bomb.jsonl.zst"
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    with tape.open("wb") as file:
        file.write(packer.compress(trade(1).encode() + b"\n"))
        for _ in range(512):
            file.write(packer.compress(bytes(4 * MIB)))
        file.write(packer.compress(b"\n" + trade(2).encode() + b"\n") + packer.flush())

    ended, peak = replayed(told, tape)

    figures.sent = 3
    figures.used(peak)
    assert ended.code == 0, ended.err
    figures.compare([Reason.TOO_LARGE], (letter.reason for letter in dead_letters(told)))
    figures.compare([1, 2], (document["trade_id"] for document in documents(told)["trades_BTCUSDT"]))
    assert peak < 512


@pytest.mark.fault(
    "very many symbols", injection="20,000 symbols, at most 500 collections", holds="P1 P6 P7", instead=OF_A_FILE
)
@pytest.mark.parametrize("symbols", [pytest.param(20_000, marks=pytest.mark.long), 600])
@pytest.mark.parametrize(
    ("bus", "store"),
    [("file", "local"), pytest.param("file", "mongodb", marks=pytest.mark.long)],
    indirect=True,
)
@pytest.mark.timeout(600)
def test_symbols_beyond_the_limit_are_letters_and_the_others_go_on(
    told: Told, symbols: int, tmp_path: Path, figures: Figures
) -> None:
    limit = 500
    tape = tmp_path / "many.jsonl.zst"
    with zstandard.open(tape, "wt") as lines:
        for number in range(symbols):
            lines.write(trade(number).replace("BTCUSDT", f"S{number}USDT") + "\n")
        for number in range(100):
            lines.write(trade(symbols + number).replace("BTCUSDT", "S0USDT") + "\n")

    ended, peak = replayed(told | {"MAX_COLLECTIONS": str(limit)}, tape)

    figures.sent = symbols + 100
    figures.used(peak)
    assert ended.code == 0, ended.err
    found = documents(told)
    assert len(found) == limit
    assert len(found["trades_S0USDT"]) == 101
    letters = dead_letters(told)
    assert {letter.reason for letter in letters} == {Reason.SYMBOL_LIMIT}
    ids = [document["trade_id"] for of_symbol in found.values() for document in of_symbol]
    figures.compare(range(symbols + 100), [*ids, *(msgspec.json.decode(letter.data)["t"] for letter in letters)])
    assert peak < 1024


HOSTILE = (
    "$where",
    "a.b",
    "../../etc",
    "system.users",
    "x\\u0000y",
    "A" * 300,
    "BTC\\u202eUSDT",
    "BTCUSDT ",
    "",
    "\\ud800",
)


@pytest.mark.fault(
    "hostile symbol names",
    injection="operators, paths, NUL, 300 letters, confusables",
    holds="P1 P6",
    instead=OF_A_FILE,
)
@pytest.mark.parametrize(("bus", "store"), [("file", "local"), ("file", "mongodb")], indirect=True)
def test_a_hostile_name_never_becomes_a_collection(told: Told, tmp_path: Path, figures: Figures) -> None:
    tape = tmp_path / "hostile.jsonl"
    names = [trade(number).replace("BTCUSDT", name) for number, name in enumerate(HOSTILE)]
    tape.write_text("\n".join([*names, trade(99)]) + "\n")

    ended, peak = replayed(told, tape)

    figures.sent = len(HOSTILE) + 1
    figures.used(peak)
    assert ended.code == 0, ended.err
    found: dict[str, Any] = documents(told)
    assert list(found) == ["trades_BTCUSDT"]
    figures.compare([99], (document["trade_id"] for document in found["trades_BTCUSDT"]))
    figures.compare(names, (letter.data.decode() for letter in dead_letters(told)))
    assert tapestore("verify", told=told).code == 0
