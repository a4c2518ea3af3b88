"""The first signal asks, the second ends; afterwards signals mean what they meant before."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from consumer.signals import SIGNALS, stop_on_signal


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_first_signal_asks_once(number: signal.Signals) -> None:
    asked = asyncio.Event()
    with stop_on_signal(asked.set):
        os.kill(os.getpid(), number)
        await asyncio.wait_for(asked.wait(), 5)


async def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_on_signal(lambda: None):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_DFL, signal.default_int_handler]


STUBBORN = """
import asyncio, os, signal
from consumer.signals import stop_on_signal

async def main():
    with stop_on_signal(lambda: print("asked", flush=True)):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_the_second_signal_ends_the_process_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "asked\n", "")
