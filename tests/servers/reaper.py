"""Reads `+pid folder` and `-pid` lines; at the end of its input it kills what was not taken back.

Run as a script of its own, in its own session: its input ends when the test process ends, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterable


def leftovers(lines: Iterable[str]) -> dict[int, str]:
    """The processes that were named and not taken back, with their folders."""
    alive: dict[int, str] = {}
    for line in lines:
        pid, _, folder = line.strip()[1:].partition(" ")
        if line.startswith("+"):
            alive[int(pid)] = folder
        else:
            alive.pop(int(pid), None)
    return alive


def main() -> None:
    for pid, folder in leftovers(sys.stdin).items():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
