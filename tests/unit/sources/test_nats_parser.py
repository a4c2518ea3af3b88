"""What a pull gets comes from our parser as it would from nats-py's, however the socket cuts it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from consumer.sources.nats_message import Cut, Received
from consumer.sources.nats_parser import PullParser
from consumer.sources.standing_pull import Inlet

PULL, OTHER = 4, 17
REPLY = b"$JS.ACK.MARKET.tapestore.3.12345.678.1795203771472254708.23"
TRACE = b"NATS/1.0\r\ntraceparent: 00-1\r\nEmpty: \r\n\r\n"
STATUS = b"NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: 1\r\n\r\n"

Heard = tuple[Any, ...]


def msg(data: bytes, reply: bytes = REPLY, block: bytes = b"", sid: int = PULL, subject: bytes = b"md.x") -> bytes:
    """As a server sends it (https://docs.nats.io/reference/reference-protocols/nats-protocol#hmsg)."""
    to = b" %s" % reply if reply else b""
    if not block:
        return b"MSG %s %d%s %d\r\n%s\r\n" % (subject, sid, to, len(data), data)
    return b"HMSG %s %d%s %d %d\r\n%s%s\r\n" % (subject, sid, to, len(block), len(block + data), block, data)


class Session:
    """A client that is fed by hand, and what its subscriptions and the server hear of it, in that order."""

    def __init__(self, ours: bool) -> None:
        self.heard: list[Heard] = []
        self.client = Client()
        self.client.msg_class = Received  # type: ignore[assignment]
        self.parser: Any = PullParser(self.client) if ours else Parser(self.client)
        self.client._ps = self.parser
        self.client._process_ping = self.pinged  # type: ignore[method-assign]
        for sid in (PULL, OTHER):
            self.client._subs[sid] = SimpleNamespace(  # type: ignore[assignment]
                _received=0, _max_msgs=0, _jsi=None, _future=None, _pending_size=0, _pending_bytes_limit=0,
                _pending_queue=Inlet(lambda messages, sid=sid: self.hear(sid, messages)),  # type: ignore[misc]
            )  # fmt: skip

    def lead(self) -> None:
        if isinstance(self.parser, PullParser):
            self.parser.lead(PULL, lambda messages: self.hear(PULL, messages))

    def hear(self, sid: int, messages: Sequence[Any]) -> None:
        self.heard += [(sid, each.subject, each.reply, each.data, each.headers, each.size) for each in messages]

    async def pinged(self) -> None:
        self.heard.append(("PING",))

    async def feed(self, chunks: Sequence[bytes], lead_before: int = 0) -> Sequence[Heard]:
        """What is heard of all of it when the pull begins before that chunk."""
        try:
            for number, chunk in enumerate(chunks):
                if number == lead_before:
                    self.lead()
                await self.parser.parse(chunk)
        except (ProtocolError, UnicodeDecodeError, IndexError) as error:
            self.heard.append((type(error),))
        return self.heard


def heard(chunks: Sequence[bytes], *, ours: bool, lead_before: int = 0) -> Sequence[Heard]:
    return asyncio.run(Session(ours).feed(chunks, lead_before))


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The same in pieces of these sizes, and the rest."""
    chunks = []
    for size in sizes:
        chunks.append(data[:size])
        data = data[size:]
    return [*chunks, data]


LIKE_A_WORD = b"MSG md.x 4 a 1\r\n1\r\n"
DATA = st.sampled_from([b"", b"{}", b"PING\r\n", LIKE_A_WORD]) | st.binary(max_size=20)
WORDS = st.one_of(
    st.builds(
        msg,
        DATA,
        st.sampled_from([REPLY, REPLY, b""]),
        st.sampled_from([b"", TRACE, STATUS]),
        st.sampled_from([PULL, PULL, PULL, OTHER, 99]),
    ),
    st.sampled_from([b"PING\r\n", b"PONG\r\n", b"+OK\r\n"]),
)
BAD = [
    msg(b"{}", subject="µ".encode("latin-1")),
    b"MSG md.x 4 a -1\r\n\r\n",
    b"HMSG md.x 4 a 9 2\r\n{}\r\n",
    b"MSG md.x\r\n",
    b"MSG md.x 4 a %s\r\n" % (b"9" * 5000),
    b"nonsense\r\n",
    b"\r\n",
]


@given(st.lists(WORDS, max_size=12), st.lists(st.integers(1, 60), max_size=40), st.integers(0, 40))
@example([msg(b"1"), msg(b"2", block=TRACE), msg(b"3")], [], 0)
@example([msg(b"12345"), b"PING\r\n", msg(b"", b"", STATUS)], [1] * 300, 0)
@example([msg(LIKE_A_WORD), msg(b"2"), b"PING\r\n"], [80], 1)
@example([msg(LIKE_A_WORD), msg(b"2"), b"PING\r\n"], [len(msg(LIKE_A_WORD)) - len(LIKE_A_WORD) - 2], 1)
def test_all_of_it_comes_in_its_order(words: list[bytes], sizes: list[int], lead_before: int) -> None:
    chunks = cut(b"".join(words), sizes)
    ours = heard(chunks, ours=True, lead_before=lead_before)
    assert ours == heard(chunks, ours=False)
    assert len(ours) == sum(b" 99 " not in word for word in words) - words.count(b"PONG\r\n") - words.count(b"+OK\r\n")


@pytest.mark.parametrize("bad", BAD)
def test_what_nats_py_does_not_understand_nobody_does(bad: bytes) -> None:
    chunks = [msg(b"1"), msg(b"2") + bad, msg(b"3")]
    ours = heard(chunks, ours=True)
    assert ours == heard(chunks, ours=False)
    assert len(ours) == 3


def test_a_word_that_nats_py_takes_in_two_parts_stays_one() -> None:
    chunks = [msg(LIKE_A_WORD, sid=OTHER, subject=b"x" * 5000) + msg(b"1"), msg(b"2")]
    ours = heard(chunks, ours=True)
    assert ours == heard(chunks, ours=False)
    assert [each[3] for each in ours] == [LIKE_A_WORD, b"1", b"2"]


async def test_a_subscription_that_ended_gets_nothing_more() -> None:
    session = Session(ours=True)
    await session.feed([msg(b"1"), msg(b"2")[:9]])
    del session.client._subs[PULL]
    await session.feed([msg(b"2")[9:], msg(b"3")])
    assert [each[3] for each in session.heard] == [b"1"]


async def test_a_new_connection_begins_with_nothing_left() -> None:
    session = Session(ours=True)
    await session.feed([msg(b"1")[:30]])
    session.parser.reset()
    await session.feed([msg(b"2")])
    assert [each[3] for each in session.heard] == [b"2"]


async def test_what_is_left_when_the_parser_is_reset_meanwhile_is_of_the_old_connection() -> None:
    session = Session(ours=True)

    async def pinged() -> None:
        session.parser.reset()

    session.client._process_ping = pinged  # type: ignore[method-assign]
    await session.feed([msg(b"1") + b"PING\r\n" + msg(b"old") + msg(b"older")[:20], msg(b"new")])
    assert [each[3] for each in session.heard] == [b"1", b"new"]


async def test_what_was_handed_on_before_a_cancellation_is_not_handed_on_again() -> None:
    session = Session(ours=True)

    async def pinged() -> None:
        raise asyncio.CancelledError

    session.client._process_ping = pinged  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await session.feed([msg(b"1") + b"PING\r\n" + msg(b"2")])
    await session.feed([msg(b"3")])
    assert [each[3] for each in session.heard] == [b"1", b"2", b"3"]


async def test_a_large_message_is_looked_at_when_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(ours=True)
    looks = Mock(wraps=session.parser._end_of_one)
    monkeypatch.setattr(session.parser, "_end_of_one", looks)
    await session.feed(cut(msg(b"x" * 100_000), [1000] * 100))
    assert [len(each[3]) for each in session.heard] == [100_000]
    assert looks.call_count == 2


def test_headers_are_read_when_somebody_asks() -> None:
    message = Cut("md.x", "reply", b"{}", b"NATS/1.0\r\nBad name\xff: 1\r\nBad: \xff\r\n\r\n", 99)
    assert message.headers == {"Bad": "\ufffd"}
    assert Cut("md.x", "reply", b"{}", b"", 9).headers is None
