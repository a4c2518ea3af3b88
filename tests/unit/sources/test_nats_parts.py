"""The parts of the NATS sources that decide without a server."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr

from config.bus import NatsSettings
from consumer.messages import Message
from consumer.sources.buffer import Buffer
from consumer.sources.jetstream import JetStreamSource
from consumer.sources.jetstream_consumer import ConsumerConfig, ConsumerInfo, Delivered
from consumer.sources.jetstream_pull import Pull, Verdict, verdict
from consumer.sources.jetstream_reply import consumer_sequence, place, places
from consumer.sources.leases import Leases
from consumer.sources.nats_connection import Address, Connection
from consumer.sources.nats_message import Received
from consumer.sources.nats_tls import NO_FILES, Handshake

SHORT = "$JS.ACK.MARKET.tapestore.3.12345.678.1795203771472254708.23"
LONG = "$JS.ACK.hub.ACCHASH.MARKET.tapestore.3.12345.678.1795203771472254708.23"


@pytest.mark.parametrize("reply", [SHORT, LONG, f"{LONG}.random"])
def test_a_reply_subject_tells_the_place_the_time_and_the_deliveries(reply: str) -> None:
    assert place(reply) == (12345, 1795203771472, 3)
    assert consumer_sequence(reply) == 678


def reply(prefix: str, numbers: tuple[int, ...], end: str) -> str:
    return ".".join([prefix, *map(str, numbers), *([end] if end else [])])


PREFIXES = st.sampled_from(["$JS.ACK.MARKET.tapestore", "$JS.ACK.7.7", "$JS.ACK.hub.ACCHASH.MARKET.tapestore"])
NUMBERS = st.tuples(
    st.integers(1, 999), st.integers(1, 2**63), st.integers(1, 2**63), st.integers(10**18, 2**63), st.integers(0, 2**63)
)


@given(st.lists(st.builds(reply, PREFIXES, NUMBERS, st.just("")), min_size=1))
def test_the_places_of_many_are_the_place_of_each(replies: list[str]) -> None:
    assert list(places(replies)) == list(map(place, replies))


@given(st.lists(NUMBERS, min_size=1), st.sampled_from(["random", "123", "1e5"]))
def test_a_random_end_is_not_a_number_of_the_place(numbers: list[tuple[int, ...]], end: str) -> None:
    replies = [reply("$JS.ACK.hub.ACCHASH.MARKET.tapestore", each, end) for each in numbers]
    assert list(places(replies)) == list(map(place, replies))


# Addresses.


def test_an_address_has_servers_without_their_credentials() -> None:
    address = Address.parse(SecretStr("nats://user:p%40ss%2F@a:4222,tls://b:4333,c"))
    assert address.servers == ("nats://a:4222", "tls://b:4333", "nats://c")
    assert (address.user, address.password, address.token) == ("user", "p@ss/", None)
    assert "p@ss" not in repr(address)


def test_a_user_without_a_password_is_a_token() -> None:
    address = Address.parse(SecretStr("nats://s3cret@a"))
    assert (address.user, address.password, address.token) == (None, None, "s3cret")
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "demanded"),
    [("nats://a,b", False), ("ws://a", False), ("tls://a", True), ("wss://a", True), ("nats://a, tls://b", True)],
)
def test_one_server_with_tls_demands_it_of_all(url: str, demanded: bool) -> None:
    assert Address.parse(SecretStr(url)).demands_tls is demanded


def test_a_secret_is_given_to_nobody_before_the_handshake() -> None:
    handshake = Handshake(NO_FILES)
    give = handshake.guard("s3cret")
    assert give is not None and handshake.guard(None) is None
    with pytest.raises(errors.Error, match="offers no TLS"):
        give()
    handshake.is_done = True
    assert give() == "s3cret"


# Leases.


def leased(*replies: str) -> Leases:
    leases = Leases()
    leases.add(replies)
    return leases


def test_a_message_that_is_settled_soon_is_never_renewed() -> None:
    leases = leased("a")
    assert leases.due() == []
    assert leases.end(["a"]) == ["a"]
    assert leases.due() == []


def test_a_message_that_is_held_is_renewed_again_and_again() -> None:
    leases = leased("a")
    leases.due()
    leases.add(["b"])
    assert leases.due() == ["a"]
    assert sorted(leases.due()) == ["a", "b"]
    assert leases.end(["a"]) == ["a"]
    assert leases.due() == ["b"]
    assert len(leases) == 1


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 20)), max_size=20))
def test_a_lease_is_renewed_before_two_thirds_of_it_are_over(held: list[tuple[float, float]]) -> None:
    leases = Leases()
    lives = {str(number): (start, start + seconds) for number, (start, seconds) in enumerate(held)}
    renewed: dict[str, float] = {}
    for third in range(1, 42):
        for reply, (start, end) in lives.items():
            if third - 1 <= start < third:
                leases.add([reply])
                renewed[reply] = start
            if third - 1 <= end < third:
                leases.end([reply])
                assert end - renewed[reply] <= 2
        for reply in leases.due():
            assert third - renewed[reply] <= 2
            renewed[reply] = third
    assert len(leases) == 0


def test_a_lease_ends_once() -> None:
    leases = leased("a", "b")
    assert leases.end(["a", "a", "stranger"]) == ["a"]
    assert leases.end(["a"]) == []
    assert leases.end_all() == ["b"]
    assert leases.end(["b"]) == []
    assert len(leases) == 0


def test_what_is_given_back_keeps_its_order() -> None:
    replies = [f"reply.{number}" for number in range(100)]
    leases = leased(*replies[:50])
    leases.due()
    leases.add(replies[50:])
    assert leases.end(replies[10:20]) == replies[10:20]
    assert leases.end_all() == replies[:10] + replies[20:]


# What the driver makes of a message.


async def test_a_message_is_what_nats_py_would_make_of_it() -> None:
    parts = (7, b"md.trades", SHORT.encode(), b"{}", {"a": "b"})
    theirs, ours = Client()._build_message(*parts), Connection(asyncio.Event()).client._build_message(*parts)
    assert isinstance(theirs, Msg)
    assert isinstance(ours, Received)
    read = attrgetter("subject", "reply", "data", "headers", "header", "_sid")
    assert read(ours) == read(theirs)


# The buffer.


def message(data: bytes = b"", reply: str = "", **headers: str) -> Received:
    return Received("md.x", reply, data, headers or None, Client(), 1)


def filled(*sizes: int) -> Buffer[Received]:
    buffer: Buffer[Received] = Buffer()
    for size in sizes:
        buffer.put(message(b"x" * size))
    return buffer


@pytest.mark.parametrize(
    ("max_messages", "max_bytes", "taken"),
    [(10, 100, 3), (2, 100, 2), (10, 25, 2), (10, 30, 3), (10, 1, 1), (1, 1, 1)],
)
async def test_a_buffer_gives_what_both_bounds_allow_but_one_at_least(
    max_messages: int, max_bytes: int, taken: int
) -> None:
    buffer = filled(10, 10, 10)
    assert len(await buffer.take(max_messages, max_bytes, 0)) == taken
    assert (len(buffer), buffer.bytes) == (3 - taken, 10 * (3 - taken))


async def test_an_empty_buffer_is_waited_for() -> None:
    buffer = filled()
    taking = asyncio.create_task(buffer.take(10, 10, 10))
    await asyncio.sleep(0)
    buffer.put(message(b"1"))
    assert [m.data for m in await taking] == [b"1"]
    assert await buffer.take(10, 10, 0) == []


async def test_who_waits_for_a_buffer_can_be_woken_with_nothing() -> None:
    buffer = filled()
    taking = asyncio.create_task(buffer.take(10, 10, 10))
    await asyncio.sleep(0)
    buffer.wake()
    assert await taking == []


# Pulls.


def test_a_pull_is_over_when_all_messages_came() -> None:
    pull = Pull("inbox", 2)
    assert not pull.took([message(b"1")])
    assert pull.took([message(b"2")])
    assert pull.over


def test_a_pull_is_over_when_all_bytes_came_as_the_server_counts_them() -> None:
    headers = "NATS/1.0\r\nA: bc\r\n\r\n"
    pull = Pull("inbox", 10, len("md.x") + len(SHORT) + len("body") + len(headers))
    assert pull.took([message(b"body", SHORT, A="bc")])


def test_a_pull_counts_each_of_a_handful() -> None:
    handful = [message(b"body", SHORT), message(b"", LONG, A="bc"), message(b"body", SHORT, A="", B="c")]
    one_by_one, together = Pull("inbox", 10, 1000), Pull("inbox", 10, 1000)
    for each in handful:
        one_by_one.took([each])
    together.took(handful)
    assert (one_by_one.left, one_by_one.bytes_left) == (together.left, together.bytes_left)


def test_a_pull_asks_for_what_it_expects() -> None:
    asked = json.loads(Pull("inbox", 10, 1000).request(5, 2))
    assert asked == {"batch": 10, "max_bytes": 1000, "expires": 5, "idle_heartbeat": 2}
    assert "max_bytes" not in json.loads(Pull("inbox", 1).request(5, 2))


@pytest.mark.parametrize(
    ("status", "description", "means"),
    [
        ("100", "Idle Heartbeat", Verdict.ALIVE),
        ("404", "No Messages", Verdict.OVER),
        ("408", "Request Timeout", Verdict.OVER),
        ("409", "Batch Completed", Verdict.OVER),
        ("409", "Message Size Exceeds MaxBytes", Verdict.TOO_LARGE),
        ("409", "Consumer Deleted", Verdict.LOST),
        ("409", "Server Shutdown", Verdict.LOST),
        ("409", "Exceeded MaxWaiting", Verdict.LOST),
        ("503", "", Verdict.LOST),
    ],
)
def test_a_status_means(status: str, description: str, means: Verdict) -> None:
    assert verdict({"Status": status, "Description": description}) is means


def test_what_is_no_status_ends_the_pull() -> None:
    assert verdict(None) is Verdict.LOST


# The consumer.

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def info(
    created: datetime = BORN, *, pending: int = 1, held: int = 0, delivered: int = 0, replay_policy: str = "instant"
) -> ConsumerInfo:
    config = ConsumerConfig(max_ack_pending=5, replay_policy=replay_policy)
    return ConsumerInfo(created, config, Delivered(delivered), pending, held)


def test_a_consumer_owes_messages_when_some_wait_and_nothing_holds_them_up() -> None:
    assert info().owes_messages
    assert info(held=4).owes_messages
    assert not info(pending=0).owes_messages
    assert not info(held=5).owes_messages
    assert not info(replay_policy="original").owes_messages


def test_a_consumer_is_another_one_when_it_is_younger_or_has_delivered_less() -> None:
    before = info()
    assert info(BORN + timedelta(milliseconds=300), delivered=7).continues(before, 7)
    assert not info(BORN + timedelta(seconds=5), delivered=7).continues(before, 7)
    assert not info(delivered=6).continues(before, 7)


async def test_what_was_given_up_comes_within_the_bounds_too() -> None:
    source = JetStreamSource(NatsSettings(), prefetch_messages=10, prefetch_bytes=1000)
    for number in range(5):
        source._take_given_up(Message(b"12345", "jetstream", "MARKET", number, given_up=True))

    assert [len(await source.receive(*bounds)) for bounds in [(2, 100), (9, 11), (9, 100)]] == [2, 2, 1]
