"""SIGKILL at any point of a write: what was acknowledged is there, once, and going on brings the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from storage import Outcome
from storage.adapters.local import LocalAdapter
from tests.contracts.records import candle, trade
from tests.contracts.writing import outcomes, stored
from tests.faults.local_child import EAGER, ROUNDS, candles_of, trades_of


def start(folder: Path, point: str = "never", nth: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.local_child", str(folder), point, str(nth)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def last_round(child: subprocess.Popen[bytes]) -> int:
    """The last round that was acknowledged before the child was killed; -1 is none."""
    out, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    return max((int(line) for line in out.split()), default=-1)


async def check(folder: Path, acknowledged: int) -> None:
    """All that was acknowledged is there, nothing twice; then writing everything again completes it."""
    async with LocalAdapter(folder, sizes=EAGER) as store:
        await has_once(store, acknowledged)
        for number in range(ROUNDS):
            fates = await outcomes(store, *trades_of(number))
            assert number > acknowledged or set(fates) == {Outcome.DUPLICATE}
            await outcomes(store, *candles_of(number))
        await has_once(store, ROUNDS - 1)
        assert await store.get_record_count("trades_BTCUSDT") == 20 * ROUNDS
        await store.compact()
        await has_once(store, ROUNDS - 1)
    await no_leftovers(folder)


async def has_once(store: LocalAdapter, acknowledged: int) -> None:
    ids = [document["trade_id"] for document in await stored(store, trade())]
    assert ids == sorted(set(ids))
    assert ids[: 20 * (acknowledged + 1)] == list(range(20 * (acknowledged + 1)))
    volumes = {document["timestamp"]: document["volume"] for document in await stored(store, candle())}
    for number in range(acknowledged + 1):
        assert all(volumes[each.timestamp] >= Decimal(number) for each in candles_of(number))
    assert await store.get_record_count("candles_BTCUSDT_1m") == len(volumes)


async def no_leftovers(folder: Path) -> None:
    async with LocalAdapter(folder, sizes=EAGER):
        pass
    async with LocalAdapter(folder, read_only=True) as store:
        listed = len(await stored(store, trade()))
    assert listed == 20 * ROUNDS
    assert not list((folder / "market").rglob("*.tmp"))


@pytest.mark.parametrize("nth", [1, 17])
@pytest.mark.parametrize("point", ["before the file", "before the rename", "after the rename", "before old files go"])
async def test_nothing_is_lost_or_doubled_by_a_kill(tmp_path: Path, point: str, nth: int) -> None:
    acknowledged = last_round(start(tmp_path, point, nth))

    assert acknowledged < ROUNDS - 1
    await check(tmp_path, acknowledged)


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
async def test_nothing_is_lost_or_doubled_by_a_kill_at_any_time(tmp_path: Path, part: float) -> None:
    child = start(tmp_path)
    assert child.stdout is not None
    while int(os.read(child.stdout.fileno(), 100).split()[-1]) < part * ROUNDS:
        pass

    child.kill()
    out, _ = child.communicate(timeout=60)

    lines = out.split()
    await check(tmp_path, int(lines[-1]) if lines else int(part * ROUNDS))
