"""A process that changes a local store and dies: `python -m tests.faults.local_edit_child FOLDER WHAT POINT NTH`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from storage.adapters.local import LocalAdapter, Sizes
from tests.faults.local_child import die_at, put, trades_of

APART = Sizes(small_files=1000, target_bytes=1)
EDITS = ("update", "delete")
SOME = {"trade_id": {"$in": list(range(0, 100, 2))}}
"""Half of the trades in each file, 40 of 80."""


async def change(folder: Path, what: str, point: str, nth: int) -> None:
    """Store a few files, say so, and change rows in all of them."""
    async with LocalAdapter(folder, sizes=APART) as store:
        for number in (0, 1, 3, 4):
            await put(store, trades_of(number))
        print("stored", flush=True)  # noqa: T201 - the parent reads it
        die_at(point, nth)
        if what == "update":
            await store.update("trades_BTCUSDT", SOME, {"price": 7})
        else:
            await store.delete("trades_BTCUSDT", SOME)


if __name__ == "__main__":
    asyncio.run(change(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
