"""What libraries are told about memory before they are loaded."""

from __future__ import annotations

import ctypes
import os

_MMAP_THRESHOLD = -3  # mallopt(3)
LARGE_BYTES = 512 * 1024


def give_memory_back() -> None:
    """Let large buffers come from the system and go back there, unless somebody decided otherwise.

    Arrow's own pool keeps what it once had: 224 MB instead of 285 after 160,000 trades (`benchmarks --rows
    file-parquet`). To be called before Arrow is loaded. And glibc, once it has seen a driver's buffer of 4 MB end, puts
    the next ones between small objects, where they leave holes: 222 MB instead of 245 (`--rows depth`).
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other systems' C libraries have none
    if mallopt is not None and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
