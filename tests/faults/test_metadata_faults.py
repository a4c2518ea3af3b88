"""SQL that is away or hangs: everything is stored meanwhile, and the lineage is whole when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import Told
from tests.faults.conftest import CourtRoom
from tests.faults.test_store_faults import ended_well
from tests.servers import MariaDB, Server

Start = Callable[[type[Server]], Server]


@pytest.mark.long
@pytest.mark.minutes
@pytest.mark.fault("SQL is down", injection="SIGKILL of MariaDB for two minutes, restart", holds="P1 P3 P5 P7")
@pytest.mark.parametrize(("bus", "store"), [("jetstream", "local"), ("kafka", "local")], indirect=True)
@pytest.mark.timeout(300)
def test_sql_that_is_down_for_long_stops_nothing(
    bus: Told, store: Told, start_server: Start, seed: int, judge_of: CourtRoom
) -> None:
    mariadb = start_server(MariaDB)
    judge = judge_of({**bus, **store, "METADATA_URL": mariadb.url, "LINEAGE_INTERVAL_SECONDS": "0.2"}, seed)
    judge.send(300)
    with judge.service() as service:
        with judge.feed.flowing(300):
            service.wait_until_stored(200)
            mariadb.kill()
            service.wait_until("/status", lambda _, status: status["lineage_spool"]["rows"] > 0)
            away = time.monotonic()
            service.wait_until("/status", lambda _, status: time.monotonic() > away + 120, seconds=150)
            spooled = service.get("/status")[1]["lineage_spool"]["rows"]
            mariadb.start()
            judge.fault_is_over()
        service.wait_until("/status", lambda _, status: not status["lineage_spool"]["rows"])
        assert spooled < 500  # rows of one dataset and partition are merged
        ended_well(judge, service)
