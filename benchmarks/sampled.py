"""python -m benchmarks.sampled FILE ARGUMENT…: `tapestore` with a profiler that looks at its stack while it computes.

The first SIGUSR1 begins, the second ends and writes FILE as JSON: how often each stack was seen, outermost function
first, and the CPU seconds of the garbage collector, which are somewhere among them. Each look stands for the same time.
"""

from __future__ import annotations

import gc
import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from consumer.cli import main

CPU_SECONDS = 0.001


class Profiler:
    """Counts stacks of the main thread by the CPU timer of the process; its own cost is a few percent."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stacks: Counter[str] = Counter()
        self._collecting = 0.0
        self._collector_began = 0.0
        signal.signal(signal.SIGPROF, self._look)
        signal.signal(signal.SIGUSR1, self._begin)

    def _begin(self, *_: object) -> None:
        signal.signal(signal.SIGUSR1, self._end)
        gc.callbacks.append(self._collector)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS, CPU_SECONDS)

    def _end(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.callbacks.remove(self._collector)
        self._file.write_text(json.dumps({"stacks": self._stacks, "collecting_seconds": self._collecting}))

    def _look(self, _: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            names.append(f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}")
            frame = frame.f_back
        self._stacks[";".join(reversed(names))] += 1

    def _collector(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collector_began = time.process_time()
        else:
            self._collecting += time.process_time() - self._collector_began


if __name__ == "__main__":
    Profiler(Path(sys.argv[1]))
    sys.argv[1:2] = []
    main()
