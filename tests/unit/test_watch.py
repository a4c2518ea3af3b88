"""What the eye on a store says of it."""

from __future__ import annotations

from collections.abc import Callable

from storage import DatabaseError, OperatorError, UnavailableError
from storage.observer import AdapterMetrics, PoolUse
from storage.watch import LOOKS_BETWEEN_METRICS, Watch


class Store:
    """A store that is there, or says what is wrong."""

    def __init__(self) -> None:
        self.problem: DatabaseError | None = None
        self.connects = self.asked_closely = self.returned = 0
        self.now = 0.0

    async def connect(self) -> None:
        self.connects += 1
        await self.ping()

    async def ping(self) -> None:
        self.now += 0.0125
        if self.problem is not None:
            raise self.problem

    async def metrics(self) -> AdapterMetrics:
        self.asked_closely += 1
        return AdapterMetrics(PoolUse(3, 1, None, 15), None, "11.4")

    def note_return(self) -> None:
        self.returned += 1

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: self.now

    def watch(self) -> Watch:
        return Watch(
            "it",
            connect=self.connect,
            ping=self.ping,
            metrics=self.metrics,
            on_return=self.note_return,
            clock=self.clock,
        )


async def test_before_the_first_look_nothing_is_connected() -> None:
    assert Store().watch().health.as_dict() == {
        "connected": False,
        "latency_ms": None,
        "pool": None,
        "server_version": None,
        "last_error": "not connected yet",
    }


async def test_a_store_that_answers_is_connected() -> None:
    health = await Store().watch().look()

    assert (health.connected, health.latency_ms, health.server_version) == (True, 12.5, "11.4")
    assert health.last_error is None
    assert health.pool == {"size": 3, "in_use": 1, "waiting": None, "maximum": 15}


async def test_a_store_that_does_not_answer_is_not_and_says_why() -> None:
    store = Store()
    watch = store.watch()
    await watch.look()
    store.problem = UnavailableError("connection refused")

    health = await watch.look()

    assert (health.connected, health.last_error) == (False, "connection refused")
    assert health.server_version == "11.4"


async def test_what_a_person_has_to_do_is_said_too() -> None:
    store = Store()
    store.problem = OperatorError("access denied", fix="check MYSQL_PASSWORD")

    assert (await store.watch().look()).last_error == "access denied; check MYSQL_PASSWORD"


async def test_it_is_connected_until_that_works_and_then_only_asked() -> None:
    store = Store()
    store.problem = UnavailableError("not there yet")
    watch = store.watch()
    for _ in range(3):
        await watch.look()
    store.problem = None
    for _ in range(3):
        await watch.look()

    assert (store.connects, store.returned) == (4, 1)


async def test_the_last_error_stays_readable_after_the_return() -> None:
    store = Store()
    watch = store.watch()
    store.problem = UnavailableError("connection refused")
    await watch.look()
    store.problem = None

    health = await watch.look()

    assert (health.connected, health.last_error) == (True, "connection refused")


async def test_metrics_are_asked_for_now_and_then_and_when_wanted() -> None:
    store = Store()
    watch = store.watch()
    for _ in range(LOOKS_BETWEEN_METRICS + 1):
        await watch.look()
    await watch.look(closely=True)

    assert store.asked_closely == 3


async def test_the_watch_ends_when_it_is_told_to() -> None:
    store = Store()
    watch = store.watch()
    watch.start()
    await watch.looked.wait()

    await watch.stop()

    assert (watch.health.connected, watch.health.last_error) == (False, "shut down")
