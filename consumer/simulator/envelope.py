"""From a draft to the bytes, headers, subject and key of a message."""

from __future__ import annotations

from datetime import timedelta, timezone

import msgspec

from consumer.simulator.drafts import Draft, at
from consumer.simulator.instruments import Random
from consumer.simulator.kinds import KINDS

FLAT_SUBJECT = "binance.futures.websocket.data"
EXCHANGE = "binance"

_FLAT_SHARE = 0.08
_TRACE_STATE = "simulator=1"
_IN_BODY = ',"_otel_trace_headers":{{"traceparent":"{}","tracestate":"simulator=1"}}'
_OFFSET = timezone(timedelta(hours=5, minutes=30))


class Simulated(msgspec.Struct, frozen=True, gc=False):
    """A message for a bus: its bytes, subject, key and headers, and when it is published in epoch milliseconds."""

    data: bytes
    subject: str
    key: str
    headers: dict[str, str]
    time_ms: int


def subject_for(pattern: str) -> str | None:
    """What `Market` needs so that a consumer of this subject hears it: the subject, or None where it has wildcards."""
    return None if {"*", ">"} & set(pattern.split(".")) else pattern


class Envelope:
    """Wraps drafts as publishers do: in a combined-stream envelope or flat, traced in headers, in the body or not.

    `subject` is one for all; without it messages go to md.<exchange>.<market>.<type>.<symbol>[.<timeframe>].
    """

    def __init__(self, random: Random, subject: str | None) -> None:
        self._random = random
        self._subject = subject
        self._subjects: dict[tuple[str, str, str], str] = {}

    def wrap(self, draft: Draft) -> Simulated:
        """The message of a draft; two of five are not traced."""
        choice = self._random()
        trace = self._traceparent() if choice < 0.6 else ""
        text = self._text(draft, _IN_BODY.format(trace) if choice < 0.3 else "")
        headers = {"traceparent": trace, "tracestate": _TRACE_STATE} if 0.3 <= choice < 0.6 else {}
        data = text.encode("utf-8", "surrogateescape")
        return Simulated(data, self.subject(draft), draft.symbol, headers, draft.time_ms)

    def _traceparent(self) -> str:
        high, low, span = self._random(), self._random(), self._random()
        return f"00-{int(high * 2**64):016x}{int(low * 2**64) | 1:016x}-{int(span * 2**64) | 1:016x}-01"

    def _text(self, draft: Draft, trace: str) -> str:
        if draft.bare or (not draft.wrapped and self._random() < _FLAT_SHARE):
            return f"{draft.payload[:-1]}{trace}}}" if draft.facts else draft.payload
        stream = f'"stream":"{draft.stream}",' if draft.stream else ""
        return f'{{{stream}"data":{draft.payload}{self._timestamp(draft)}{trace}}}'

    def _timestamp(self, draft: Draft) -> str:
        """When the publisher received it, as publishers write it; without one the bus's time has to do."""
        choice = self._random()
        if choice < 0.3 and not draft.timeless:
            return ""
        if choice < 0.4:
            return f',"timestamp":{draft.time_ms}'
        received = at(draft.time_ms) + timedelta(microseconds=int(choice * 1000))
        if choice < 0.5:
            received = received.astimezone(_OFFSET)
        elif choice < 0.8:
            received = received.replace(tzinfo=None)
        return f',"timestamp":"{received.isoformat(timespec="microseconds")}"'

    def subject(self, draft: Draft) -> str:
        """Where the message goes."""
        if self._subject is not None:
            return self._subject
        key = (draft.kind, draft.symbol, draft.timeframe)
        if key not in self._subjects:
            self._subjects[key] = _hierarchical(draft)
        return self._subjects[key]


def _hierarchical(draft: Draft) -> str:
    of_all = draft.stream.startswith("!") or not draft.symbol
    name = draft.stream.strip("!").split("@")[0 if of_all else 1] if draft.stream else draft.kind
    parts = ["md", EXCHANGE, KINDS[draft.kind].market, name.partition("_")[0], "ALL" if of_all else draft.symbol]
    return ".".join([*parts, draft.timeframe] if draft.timeframe else parts)
