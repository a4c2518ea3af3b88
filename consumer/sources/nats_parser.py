"""Messages of a standing pull, cut out of what the socket gave; all else nats-py parses itself.

nats-py asks regular expressions and coroutines about each message, and reads headers that nobody looks at: two fifths
of the way from JetStream to MongoDB (decision 0041).
Format: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nats.aio.client import Client
from nats.protocol.parser import AWAITING_CONTROL_LINE, MAX_CONTROL_LINE_SIZE, Parser

from consumer.sources.nats_message import HEADERS, Cut, Pulled

_END = b"\r\n"


class PullParser(Parser):
    """nats-py's parser, but what one subscription gets, and can be answered, is handed on together."""

    _rest: bytearray
    _due: int  # with fewer bytes no look at the rest is worth it

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._sid, self._word = 0, b""
        self._hand_on: Callable[[Sequence[Pulled]], None] | None = None

    def reset(self) -> None:
        super().reset()
        self._keep(b"")

    def lead(self, sid: int, hand_on: Callable[[Sequence[Pulled]], None]) -> None:
        """From now on what this subscription gets goes this way."""
        self._sid, self._word, self._hand_on = sid, str(sid).encode(), hand_on

    async def parse(self, data: bytes = b"") -> None:
        """Parse what came; raises what nats-py raises."""
        if self._hand_on is None or self._is_in_a_word:  # somebody may begin to lead in the middle of one
            data = bytes(self._rest) + data
            self._keep(b"")
            await super().parse(data)
            return
        if self._rest:
            self._rest += data
            if len(self._rest) < self._due:
                return
            data = bytes(self._rest)
            self._keep(b"")
        at = self._cut(data, 0)
        while (end := self._end_of_one(data, at)) is not None:
            rest = self._keep(data[end:])  # somebody may cancel us, or reset
            await super().parse(data[at:end])
            if self._rest is not rest or self._is_in_a_word:
                return
            at = self._cut(data, end)
        self._rest = bytearray(data[at:])

    @property
    def _is_in_a_word(self) -> bool:
        """Whether nats-py's parser has begun one that has not come whole: what follows is its too."""
        return bool(self.buf) or self.state != AWAITING_CONTROL_LINE

    def _keep(self, rest: bytes) -> bytearray:
        self._rest, self._due = bytearray(rest), 0
        return self._rest

    def _cut(self, data: bytes, at: int) -> int:
        """Hand on what stands here and is of the subscription; where that ends."""
        cut: list[Cut] = []
        if self._hand_on is not None and self._sid in self.nc._subs:
            at = _cut(data, at, self._word, cut)
            if cut:
                self._hand_on(cut)
        return at

    def _end_of_one(self, data: bytes, at: int) -> int | None:
        """Where the word of the server that stands here ends; None when it has not come whole."""
        end = data.find(_END, at)
        self._due = 0
        if end < 0:
            return None
        end += len(_END)
        if data.startswith((b"MSG", b"HMSG"), at) and end - at < MAX_CONTROL_LINE_SIZE:
            size = data[at:end].split()[-1]
            if size.isdigit():
                end += int(size) + len(_END)
                self._due = end - at
        return end if end <= len(data) else None


def _cut(data: bytes, at: int, sid: bytes, cut: list[Cut]) -> int:
    """Append the messages of a subscription that stand here, until something else does; where that is."""
    while 0 <= (end := data.find(_END, at)) < at + MAX_CONTROL_LINE_SIZE:
        match data[at:end].split(b" "):
            case [b"HMSG", subject, to, reply, header, size] if to == sid and header.isdigit() and size.isdigit():
                pass
            case [b"MSG", subject, to, reply, size] if to == sid and size.isdigit():
                header = b"0"
            case _:
                break
        begin = end + len(_END)
        start, stop = begin + int(header), begin + int(size)
        block = data[begin:start]
        if not start <= stop <= len(data) - len(_END) or not HEADERS.startswith(block[: len(HEADERS)]):
            break
        weight = len(subject) + len(reply) + stop - begin
        try:
            cut.append(Cut(subject.decode(), reply.decode(), data[start:stop], block, weight))
        except UnicodeDecodeError:  # nats-py says what it thinks of that
            break
        at = stop + len(_END)
    return at
