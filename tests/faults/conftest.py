"""A judge for each fault, its seeds, and the figures of all of them for the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict

import pytest

from tests.end_to_end.conftest import Told, bus, store
from tests.faults.judge import Judge
from tests.faults.report import Runs, write_json

__all__ = ["bus", "store"]  # fixtures of the end to end tests, here too

SEEDS = int(os.environ.get("FAULT_SEEDS", "1"))
FIRST_SEED = int(os.environ.get("FAULT_SEED", "1"))
REPORT = os.environ.get("FAULT_REPORT", "")
CourtRoom = Callable[..., Judge]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """FAULT_SEEDS runs of each kill, from FAULT_SEED on; a tenth of them of what takes longer, and at least one."""
    if "seed" in metafunc.fixturenames:
        seeds = SEEDS if metafunc.module.__name__.endswith("test_kills") else max(1, SEEDS // 10)
        metafunc.parametrize("seed", range(FIRST_SEED, FIRST_SEED + seeds))


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

    def appoint(told: Mapping[str, str], seed: int = FIRST_SEED, **more: object) -> Judge:
        judges.append(Judge(told, seed, **more))  # type: ignore[arg-type]  # as the test says it
        return judges[-1]

    yield appoint
    for judge in judges:
        record_property("figures", asdict(judge.figures))


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

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown" or report.outcome != "passed":
            self.runs.add(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not hasattr(session.config, "workerinput"):
            write_json(self.runs, REPORT)


def pytest_configure(config: pytest.Config) -> None:
    if REPORT:
        config.pluginmanager.register(_Reporter())
