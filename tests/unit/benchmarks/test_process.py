"""What Linux says of a process, and how a process ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.process import Process, cpu_seconds, peak_rss_mb
from benchmarks.spans import NotMeasured

STAT = "4242 (a (b) c) S 1 4242 4242 0 -1 4194560 9000 0 0 0 {user} {system} 700 300 20 0 5 0 100 1000 200"


def test_cpu_time_is_that_of_user_and_system_without_children() -> None:
    ticks = os.sysconf("SC_CLK_TCK")

    assert cpu_seconds(STAT.format(user=3 * ticks, system=ticks // 2)) == 3.5


def test_peak_memory_is_in_megabytes() -> None:
    assert peak_rss_mb("Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  250000 kB\nVmRSS:\t    1000 kB\n") == 256.0


def test_a_process_that_ends_has_no_peak_any_more() -> None:
    assert peak_rss_mb("Name:\tpython\nState:\tZ (zombie)\n") == 0.0


def test_a_process_is_measured_and_leaves_nothing() -> None:
    with Process([sys.executable, "-c", "import time; time.sleep(60)"], {}) as process:
        usage = process.usage()
        assert usage is not None
        assert usage.peak_rss_mb > 0
        assert process.folder.is_dir()

    assert not process.folder.exists()
    assert not Path(f"/proc/{process.pid}").exists()
    assert process.usage() is None


def test_what_it_printed_is_returned_when_it_ends_well() -> None:
    with Process([sys.executable, "-c", "import os; print(os.environ['WORD'])"], {"WORD": "told"}) as process:
        assert process.end(10) == "told\n"


def test_it_inherits_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_URI", "mongodb://elsewhere")

    with Process([sys.executable, "-c", "import os; print('MONGODB_URI' in os.environ)"], {}) as process:
        assert process.end(10) == "False\n"


def test_a_bad_end_says_what_was_logged() -> None:
    with Process([sys.executable, "-c", "import sys; sys.exit('out of luck')"], {}) as process:
        with pytest.raises(NotMeasured, match="exit 1; out of luck"):
            process.end(10)
