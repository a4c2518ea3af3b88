"""A process that writes to the local store until it is killed: `python -m tests.faults.local_child FOLDER POINT NTH`.

It prints the number of each round once the store has acknowledged it. At the nth time that POINT is reached it
kills itself with SIGKILL; the points are the operating system's own events, so nothing of the store is replaced.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from storage import TABLE_OF, Candle, Record, Trade
from storage.adapters.local import LocalAdapter, Sizes
from tests.contracts.records import MS, T0, candle, trade

ROUNDS = 30
EAGER = Sizes(small_files=4)
POINTS = {
    "before the file": ("open", ".parquet.tmp"),
    "before the rename": ("os.rename", ".parquet.tmp"),
    "after the rename": ("open", "_BTCUSDT"),
    "before old files go": ("os.remove", ".parquet"),
    "never": ("", ""),
}


def trades_of(number: int) -> Sequence[Trade]:
    """Twenty new trades; every third round brings those of the round before once more."""
    again = [number - 1] if number % 3 == 2 else []
    return [
        trade(id, timestamp=T0 + id * MS)
        for round_number in [*again, number]
        for id in range(20 * round_number, 20 * round_number + 20)
    ]


def candles_of(number: int) -> Sequence[Candle]:
    """Newer versions of the last three candles."""
    return [
        candle(
            timestamp=T0 + timedelta(minutes=minute),
            event_time=T0 + number * MS,
            volume=Decimal(number),
        )
        for minute in range(number, number + 3)
    ]


async def put(store: LocalAdapter, records: Sequence[Record]) -> None:
    """Put records of one collection."""
    table = TABLE_OF[type(records[0])]
    await store.put(table, table.collection(records[0]), records)


async def write(folder: Path) -> None:
    """Write all rounds, and say so after each."""
    async with LocalAdapter(folder, sizes=EAGER) as store:
        for number in range(ROUNDS):
            await asyncio.gather(put(store, trades_of(number)), put(store, candles_of(number)))
            if number % 10 == 9:
                await store.compact()
            os.write(1, b"%d\n" % number)


def die_at(point: str, nth: int) -> None:
    """Let this process be killed when it reaches the point for the nth time."""
    wanted, ending = POINTS[point]
    left = nth

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event == wanted and str(arguments[0]).endswith(ending):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    die_at(sys.argv[2], int(sys.argv[3]))
    asyncio.run(write(Path(sys.argv[1])))
