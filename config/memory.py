"""What libraries are told about memory before they are loaded."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt(3)
LARGE_BYTES = 8 * 1024 * 1024
"""Above what a fetch answers: from the system each page of a buffer comes empty, and costs more than filling it."""
KEPT_BYTES = 32 * 1024 * 1024
"""So much that is free at the end of a heap may stay ours: each fetch needs it again."""


def give_memory_back() -> None:
    """Let the largest buffers come from the system and go back there, unless somebody decided otherwise.

    Arrow's own pool keeps what it once had: 224 MB instead of 285 after 160,000 trades (`benchmarks --rows
    file-parquet`). To be called before Arrow is loaded. glibc by itself would keep whatever was as large as the largest
    that ended so far, and by its other default gives all that is free back at once.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other systems' C libraries have none
    if mallopt is None:
        return
    if "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
