"""What is recorded, and what is said when a message costs more than it did."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import check
from benchmarks.recorded import dearer, other_machine


def _report(**costs: float | None) -> dict[str, Any]:
    rows = {name.replace("_", "-"): {"cpu_us_per_message": cost} for name, cost in costs.items()}
    return {"conditions": {"processor": "x", "cores": "2", "python": "3.11"}, "rows": rows, "not_measured": {}}


def test_fifteen_percent_more_is_within_the_noise() -> None:
    assert dearer(_report(depth=11.4, mixed=11.6), _report(depth=10.0, mixed=10.0)) == {"mixed": (10.0, 11.6)}


def test_what_was_not_measured_before_or_now_is_not_compared() -> None:
    assert dearer(_report(depth=99.0, mixed=None), _report(mixed=10.0)) == {}


def test_the_cheaper_of_two_measurements_counts() -> None:
    assert check.better(_report(depth=12.0, mixed=5.0), _report(depth=10.0))["rows"] == {
        "depth": {"cpu_us_per_message": 10.0},
        "mixed": {"cpu_us_per_message": 5.0},
    }


@pytest.mark.parametrize(("cost", "code"), [(11.0, 0), (12.0, 1)])
def test_a_dearer_message_fails_the_check(cost: float, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.told(_report(depth=cost), _report(depth=10.0)) == code
    assert ("TOO DEAR" in capsys.readouterr().out) == bool(code)


def test_a_row_that_could_not_be_measured_fails_the_check() -> None:
    assert check.told(_report() | {"not_measured": {"depth": "kafka is not installed"}}, _report(depth=10.0)) == 1


def test_another_machine_is_told() -> None:
    here = _report()
    here["conditions"] = here["conditions"] | {"cores": "8"}

    assert other_machine(here, _report()) == ["cores: recorded on 2, here 8"]
    assert other_machine(_report(), _report()) == []


@pytest.mark.parametrize(("core", "told"), [(4.5, []), (5.0, ["one core: recorded at 4.00 µs, here 5.00"])])
def test_a_core_that_is_not_as_fast_is_told_and_is_no_fault(core: float, told: list[str]) -> None:
    now, before = _report(yardstick=core, depth=10.0), _report(yardstick=4.0, depth=10.0)

    assert other_machine(now, before) == told
    assert check.told(now, before) == 0
