"""What every test may ask for: a server, a database of its own, a name that nobody else has."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers import Kafka, MariaDB, MongoDB, Nats, PostgreSQL, Server

CI = os.environ.get("CI", "").lower() in ("1", "true")
SERVER_OF_FIXTURE = {
    "mongodb_uri": "mongodb",
    "nats_url": "nats",
    "kafka_bootstrap": "kafka",
    "mariadb_url": "mariadb",
    "postgresql_url": "postgresql",
}


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """A replica set `rs0` with test commands enabled."""
    yield from _url_of(MongoDB)


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """NATS with JetStream."""
    yield from _url_of(Nats)


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """host:port of a broker that makes no topics by itself."""
    yield from _url_of(Kafka)


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    """SQLAlchemy URL of a user that may make databases; most tests want `mariadb_database`."""
    yield from _url_of(MariaDB)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """SQLAlchemy URL of a user that may make databases; most tests want `postgresql_database`."""
    yield from _url_of(PostgreSQL)


@pytest.fixture
def unique_name() -> str:
    """A name for a database, stream, topic, group or collection that no other test has."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture
def mariadb_database(mariadb_url: str, unique_name: str) -> Iterator[str]:
    """The URL of an empty MariaDB database, dropped afterwards."""
    yield from database_on(mariadb_url, unique_name)


@pytest.fixture
def postgresql_database(postgresql_url: str, unique_name: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped afterwards."""
    yield from database_on(postgresql_url, unique_name)


@pytest.fixture
def start_server() -> Iterator[Callable[[type[Server]], Server]]:
    """`start_server(MongoDB)` gives the test a server of its own, to kill and restart as it likes."""
    with ExitStack() as stack:

        def start(kind: type[Server]) -> Server:
            _need(kind)
            return stack.enter_context(kind())

        yield start


def _url_of(kind: type[Server]) -> Iterator[str]:
    if given := os.environ.get(kind.variable):
        yield given
        return
    _need(kind)
    with kind() as server:
        yield server.url


def _need(kind: type[Server]) -> None:
    if not kind.installed():
        pytest.skip(f"{kind.name} is not installed: python -m tests.servers.install {kind.name}")


def database_on(server_url: str, name: str) -> Iterator[str]:
    """The URL of a new database on a server; it is dropped afterwards."""
    force = " WITH (FORCE)" if server_url.startswith("postgresql") else ""
    _execute(server_url, f"CREATE DATABASE {name}")
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    _execute(server_url, f"DROP DATABASE {name}{force}")


def _execute(server_url: str, statement: str) -> None:
    """In a thread with a loop of its own, so that a test whose loop runs may ask for the fixture too."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _execute_alone(server_url, statement)).result()


async def _execute_alone(server_url: str, statement: str) -> None:
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a server is marked so, whether its author thought of it or not."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in SERVER_OF_FIXTURE:
                item.add_marker(pytest.mark.server(SERVER_OF_FIXTURE[fixture]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _fail_if_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _fail_if_skipped(report)


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _fail_if_skipped(report: Report) -> Report:
    """With CI=true nothing may be left out: a skip is a failure that tells its reason."""
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI=true allows no skip: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run is said last, where it is seen."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("NOT RUN", yellow=True, bold=True)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:5} for: {reason}", yellow=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)
