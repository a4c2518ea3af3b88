"""A command that runs in this process, how it ended, and what it works on."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from consumer.cli import main
from storage import Candle, DeadLetter, Depth, Reason, Record, Trade
from storage.adapters.local import LocalAdapter
from storage.tables import TABLE_OF
from storage.times import from_ms

BASE_MS = 1_743_465_600_000
"""2025-04-01T00:00:00Z."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Command:
    """Runs the command line with the settings of the environment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def tell(self, **settings: str) -> None:
        """Set what the environment says."""
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str, expect: int = 0, answer: str = "") -> Ended:
        """Run a command to its end, `answer` on its stdin; fails when it ends otherwise than expected."""
        self._capsys.readouterr()
        self._monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ending:
            main(arguments)
        out, err = self._capsys.readouterr()
        ended = Ended(int(ending.value.code or 0), out, err)
        assert ended.code == expect, f"{arguments}: exit {ended.code}\n{out}\n{err}"
        return ended


def trade(number: int, symbol: str = "BTCUSDT", price: str = "0.100000000000000001") -> Trade:
    """A trade a second."""
    return Trade(
        symbol=symbol,
        timestamp=time(number),
        trade_id=number,
        price=Decimal(price),
        quantity=Decimal("1E-8"),
        is_buyer_maker=number % 2 == 0,
    )


def candle(number: int, timeframe: str = "1m", *, closed: bool = True, trades: int = 1) -> Candle:
    """A candle a minute."""
    price = Decimal("1.5")
    return Candle(
        symbol="BTCUSDT",
        timestamp=time(60 * number),
        timeframe=timeframe,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(trades),
        trades_count=trades,
        is_closed=closed,
    )


def depth(number: int) -> Depth:
    """A snapshot of two levels a side."""
    levels = ((Decimal("1.5"), Decimal(2)), (Decimal("1.4"), Decimal("1E-8")))
    return Depth(
        symbol="BTCUSDT",
        timestamp=time(number),
        kind="snapshot",
        last_update_id=number,
        bids=levels,
        asks=levels,
        levels=2,
    )


def time(number: int) -> datetime:
    """So many seconds after BASE_MS."""
    return from_ms(BASE_MS) + timedelta(seconds=number)


def letter(number: int, data: bytes = b"{broken", reason: Reason = Reason.NOT_JSON, **also: Any) -> DeadLetter:
    """A dead letter of a Kafka message."""
    values = {"source": "kafka", "position": f"md/0/{number}", "error": "it is broken", "subject": "md"}
    return DeadLetter(data=data, reason=reason, first_seen=time(number), last_seen=time(number), **values | also)


def store_records(path: Path, records: Sequence[Record]) -> None:
    """Keep records in a local store, a file a call and collection."""
    asyncio.run(_store_records(path, records))


def store_letters(path: Path, *letters: DeadLetter) -> None:
    """Keep dead letters in a local store."""
    asyncio.run(_store_letters(path, letters))


def letters_of(path: Path) -> list[DeadLetter]:
    """The dead letters of a local store."""
    return asyncio.run(_letters_of(path))


async def _store_records(path: Path, records: Sequence[Record]) -> None:
    async with LocalAdapter(path) as store:
        for name in sorted({TABLE_OF[type(record)].collection(record) for record in records}):
            chosen = [record for record in records if TABLE_OF[type(record)].collection(record) == name]
            await store.put(TABLE_OF[type(chosen[0])], name, chosen)


async def _store_letters(path: Path, letters: Sequence[DeadLetter]) -> None:
    async with LocalAdapter(path) as store:
        await store.dead_letters.put(letters)


async def _letters_of(path: Path) -> list[DeadLetter]:
    async with LocalAdapter(path, read_only=True) as store:
        return [each async for each in store.dead_letters.find()]
