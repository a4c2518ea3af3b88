"""What a message says about itself outside of its payload: stream name, subject, times."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

import msgspec

from consumer.decode.values import written_time
from consumer.errors import DecodeError
from storage import Reason
from storage.times import from_ms

_PARTIAL_DEPTH = re.compile(r"depth([0-9]{1,4})", re.ASCII)
ABSENT = msgspec.Raw()
"""A field that the message does not have; the wire cannot say it, for it is no JSON."""

_written: msgspec.json.Decoder[str | int | float] = msgspec.json.Decoder(str | int | float)


@lru_cache(maxsize=8_192)
def parse_stream(stream: str) -> tuple[str, str, int]:
    """The symbol, the type and the levels of a stream name: `btcusdt@depth20@100ms` is (btcusdt, depth, 20)."""
    symbol, _, rest = stream.partition("@")
    kind = rest.partition("@")[0]
    if partial := _PARTIAL_DEPTH.fullmatch(kind):
        return symbol, "depth", int(partial[1])
    return symbol, kind.partition("_")[0], 0


@lru_cache(maxsize=8_192)
def subject_symbol(subject: str) -> str:
    """The symbol of a subject `md.<exchange>.<market>.<type>.<symbol>[.<timeframe>]`; else an empty text."""
    parts = subject.split(".")
    return parts[4] if parts[0] == "md" and len(parts) in (5, 6) else ""


class Origin(msgspec.Struct):
    """Where a payload came from, for the shapes that do not say it themselves."""

    symbol: str = ""
    kind: str = ""
    levels: int = 0
    written: msgspec.Raw = ABSENT
    time_ms: int | None = None

    def time(self) -> datetime:
        """The envelope's time, else the bus's record time; raises DecodeError without either, never the clock."""
        if self.written is not ABSENT:
            return written_time(self._read_written(self.written))
        if self.time_ms is None:
            raise DecodeError(Reason.INVALID_TIME, "neither the message nor its envelope nor the bus has a time")
        return from_ms(self.time_ms)

    @staticmethod
    def _read_written(raw: msgspec.Raw) -> str | int | float:
        try:
            return _written.decode(raw)
        except msgspec.ValidationError:
            raise DecodeError(Reason.INVALID_TIME, "the envelope's timestamp is neither text nor number") from None

    def stream_symbol(self) -> str:
        """The symbol of a payload without one; raises DecodeError when nothing names it."""
        if not self.symbol:
            raise DecodeError(Reason.MISSING_FIELD, "no symbol in the payload, the stream name or the subject")
        return self.symbol
