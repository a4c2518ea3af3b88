"""A judge for each fault, its seeds, and the figures of all of them for the report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

import pytest

from tests.end_to_end.conftest import Told, bus, store
from tests.faults.judge import Figures, Judge
from tests.faults.report import Runs, write_json
from tests.faults.seeds import FIRST, has_its_own, seeds_of

__all__ = ["bus", "store"]  # fixtures of the end to end tests, here too

REPORT = os.environ.get("FAULT_REPORT", "")
CourtRoom = Callable[..., Judge]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each scenario its seeds: see tests/faults/seeds.py."""
    if "seed" in metafunc.fixturenames and not has_its_own(metafunc.definition):
        metafunc.parametrize("seed", seeds_of(metafunc.definition))


@pytest.fixture(autouse=True)
def scenario(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[None]:
    """What the test is about, for the report."""
    for marker in request.node.iter_markers("fault"):
        record_property("fault", {"scenario": marker.args[0], **marker.kwargs})
    yield


@pytest.fixture
def judge_of(record_property: Callable[[str, object], None]) -> Iterator[CourtRoom]:
    """`judge_of(told, seed)` is a judge whose figures go into the report."""
    judges: list[Judge] = []

    def appoint(told: Mapping[str, str], seed: int = FIRST, **more: object) -> Judge:
        judges.append(Judge(told, seed, **more))  # type: ignore[arg-type]  # as the test says it
        return judges[-1]

    yield appoint
    for judge in judges:
        record_property("figures", asdict(judge.figures))


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Iterator[Figures]:
    """What a test without a judge measures, for the report."""
    measured = Figures()
    yield measured
    record_property("figures", asdict(measured))


@pytest.fixture
def small(unique_name: str) -> Told:
    """Small batches and little in flight, so that one process never has it all."""
    return {
        "BATCH_MAX_MESSAGES": "50",
        "BATCH_MAX_AGE_SECONDS": "0.1",
        "MAX_IN_FLIGHT_MESSAGES": "200",
        "NATS_ACK_WAIT_SECONDS": "1",
        "KAFKA_GROUP_INSTANCE_ID": unique_name,  # who comes again under this name need not wait for its dead self
        "LINEAGE_INTERVAL_SECONDS": "0.1",
    }


class _Reporter:
    """Gathers what the tests say, in the process that hears of all of them."""

    def __init__(self) -> None:
        self.runs = Runs()
        self._begun = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.runs.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            write_json(self.runs, REPORT, time.monotonic() - self._begun)


def pytest_configure(config: pytest.Config) -> None:
    if REPORT:
        config.pluginmanager.register(_Reporter())
