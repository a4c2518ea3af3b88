"""What the routes answer, over snapshots that the test writes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from consumer.api import Check, InFlight, Lane, LineageSpool, Liveness, SourceState, Status
from consumer.api.app import build
from consumer.telemetry import metrics

STATUS = Status(
    version="0.1.0",
    run_id="run-1",
    market="binance-spot",
    store="mongodb",
    state="running",
    started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    sources=[
        SourceState(
            name="jetstream",
            destination="md.>",
            guarantee="at least once",
            connected=True,
            subscribed=True,
            lag=None,
            details={"num_pending": 3},
        )
    ],
    lanes=[Lane(kind="trades", batches=2, records=300, bytes=60_000)],
    breaker="closed",
    in_flight=InFlight(messages=300, bytes=60_000, max_messages=50_000, max_bytes=67_108_864),
    records={"trades": {"received": 5, "stored": 5}},
    lineage_spool=LineageSpool(rows=0),
)


class Scene:
    """Snapshots that say what the test says."""

    def __init__(self) -> None:
        self.alive = Liveness(ok=True, loop_lag_seconds=0.0, seconds_since_progress=1.0)
        self.checks = [Check(name="source", ok=True), Check(name="store", ok=True)]
        self.has_started = True

    def liveness(self) -> Liveness:
        return self.alive

    def readiness(self) -> list[Check]:
        return self.checks

    def started(self) -> bool:
        return self.has_started

    def status(self) -> Status:
        return STATUS


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build(scene))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_living_process_is_alive(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


async def test_a_stuck_process_says_why(client: httpx.AsyncClient, scene: Scene) -> None:
    scene.alive = Liveness(ok=False, loop_lag_seconds=30, seconds_since_progress=30, detail="the event loop is late")
    answer = await client.get("/livez")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the event loop is late")


async def test_liveness_asks_no_dependency(client: httpx.AsyncClient, scene: Scene) -> None:
    scene.checks = [Check(name="store", ok=False, detail="no answer")]
    assert (await client.get("/livez")).status_code == 200


async def test_ready_when_every_check_holds(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["not_ready"]) == (200, [])


async def test_what_is_not_ready_is_named(client: httpx.AsyncClient, scene: Scene) -> None:
    scene.checks = [
        Check(name="source", ok=True),
        Check(name="store", ok=False, detail="no answer"),
        Check(name="migrations", ok=False),
    ]
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["not_ready"] == ["store: no answer", "migrations: not ready"]
    assert [check["ok"] for check in answer.json()["checks"]] == [True, False, False]


async def test_no_credentials_are_shown_to_whoever_asks(client: httpx.AsyncClient, scene: Scene) -> None:
    scene.checks = [Check(name="store", ok=False, detail="mongodb://user:canary@db:27017 does not answer")]
    answer = await client.get("/readyz")
    assert answer.json()["not_ready"] == ["store: mongodb://***@db:27017 does not answer"]
    assert "canary" not in answer.text
    assert LineageSpool(rows=1, error="mysql://u:canary@h/x is away").error == "mysql://***@h/x is away"


@pytest.mark.parametrize(("has_started", "code"), [(False, 503), (True, 200)])
async def test_the_start_has_its_own_probe(
    has_started: bool, code: int, client: httpx.AsyncClient, scene: Scene
) -> None:
    scene.has_started = has_started
    assert (await client.get("/startupz")).status_code == code


async def test_metrics_are_in_the_format_of_prometheus(client: httpx.AsyncClient) -> None:
    metrics.configure_metrics()
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "tapestore_build_info{" in answer.text


async def test_the_status_tells_everything_as_json(client: httpx.AsyncClient) -> None:
    answer = await client.get("/status")
    assert Status.model_validate(answer.json()) == STATUS
    assert answer.json()["sources"][0]["lag"] is None
    assert answer.json()["started_at"] == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/admin"])
async def test_nothing_else_is_served(path: str, client: httpx.AsyncClient) -> None:
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed(method: str, client: httpx.AsyncClient) -> None:
    assert (await client.request(method, "/status")).status_code == 405
