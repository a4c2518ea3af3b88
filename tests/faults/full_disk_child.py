"""Fills the disk under a local store and frees it again: `python -m tests.faults.full_disk_child FOLDER LIMIT`.

LIMIT "disk" means that FOLDER is a small file system of its own; "size" limits the size of each file instead,
which needs no privilege. It prints "done" when the store lost nothing.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import OperatorError
from storage.adapters.local import LocalAdapter, Sizes
from storage.outcomes import DUPLICATE, STORED
from tests.contracts.letters import letter, letters
from tests.contracts.records import trade, trades
from tests.contracts.writing import put, stored

PAGE = 4096


@contextmanager
def no_space(folder: Path, free: int) -> Iterator[None]:
    """Inside of it the disk has only so many bytes left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(PAGE))
        except OSError:
            stream.truncate(max(0, stream.tell() - free))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def no_large_files(size: int) -> Iterator[None]:
    """Inside of it no file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def main(folder: Path, limit: str) -> None:
    """Write in and out of need; raise AssertionError for anything that is lost."""
    refused, count = 0, 0
    async with LocalAdapter(folder / "store", sizes=Sizes(small_files=8)) as store:
        for pages in range(12):
            batch = trades(count + 300)[count:]
            with no_space(folder, pages * PAGE) if limit == "disk" else no_large_files(pages * PAGE):
                try:
                    assert await put(store, *batch) == [STORED] * 300
                except OperatorError as error:
                    refused += 1
                    assert "free space" in error.fix or "disk" in error.fix, error
                before = await stored(store, trade())
            assert len(before) in (count, count + 300)
            fates = await put(store, *batch)
            assert fates in ([STORED] * 300, [DUPLICATE] * 300)
            count += 300
            assert await store.get_record_count("trades_BTCUSDT") == count
        assert refused > 0
        await letters_survive(store, folder, limit)
    async with LocalAdapter(folder / "store") as store:
        assert [document["trade_id"] for document in await stored(store, trade())] == list(range(count))
        assert await letters(store) == [letter()]
    listed = len(list((folder / "store" / "market").rglob("*.*")))
    assert listed <= 8, listed


async def letters_survive(store: LocalAdapter, folder: Path, limit: str) -> None:
    """A letter that found no room is refused, and accepted later."""
    large = letter(2, data=bytes(64 * PAGE))
    with no_space(folder, PAGE) if limit == "disk" else no_large_files(PAGE):
        try:
            await store.dead_letters.put([large])
            raise AssertionError("there was room")
        except OperatorError:
            pass
    await store.dead_letters.put([letter()])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
    sys.stdout.write("done\n")
