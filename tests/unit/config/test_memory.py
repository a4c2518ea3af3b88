"""Arrow and glibc give memory back to the system, and keep what is needed again, unless somebody decided otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

TOLD = "from config.memory import LARGE_BYTES, give_memory_back; give_memory_back()"
POOL = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
MAPPED = """
import ctypes
class Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "mapped", *"bcdefg")]
mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo2
bytearray(4 * LARGE_BYTES)
before = mallinfo2().mapped
large = bytearray(2 * LARGE_BYTES)
print(mallinfo2().mapped - before)
"""

FAULTS = """
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
size = LARGE_BYTES // 2
b"x" * size
before = faults()
for _ in range(10):
    b"x" * size
print(faults() - before < 100)
"""


def said(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"{TOLD}\n{program}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_arrow_takes_the_system_s_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)

    assert said(POOL, {}) == "system"


def test_what_somebody_decided_stays() -> None:
    assert said(POOL, {"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}) == "mimalloc"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other habits")
@pytest.mark.parametrize(("decided", "mapped"), [({}, "1"), ({"MALLOC_MMAP_THRESHOLD_": str(2**30)}, "0")])
def test_a_large_buffer_is_the_system_s_own_also_after_one_has_ended(decided: dict[str, str], mapped: str) -> None:
    assert said(MAPPED, decided) == mapped


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other habits")
@pytest.mark.parametrize(("decided", "kept"), [({}, "True"), ({"MALLOC_MMAP_THRESHOLD_": str(2**19)}, "False")])
def test_what_a_fetch_needs_again_is_kept(decided: dict[str, str], kept: str) -> None:
    assert said(FAULTS, decided) == kept
