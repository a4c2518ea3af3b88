"""Text on the wire to exact values: decimals, times, symbols. Each raises DecodeError, never guesses."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from consumer.errors import DecodeError
from storage import Reason
from storage.tables import SYMBOL, TIMEFRAME
from storage.times import epoch_ms, from_ms, to_ms

_DECIMAL = re.compile(r"-?([0-9]{1,20})(?:\.([0-9]{1,18}))?", re.ASCII)
_MAX_DIGITS = 34
_MINUTE_MS = 60_000


@lru_cache(maxsize=65_536)
def decimal(text: str) -> Decimal:
    """An exact decimal: at most 20 digits before the point, 18 after it, 34 significant in all.

    Prices and quantities repeat from one message to the next, so the last 65,536 texts are remembered.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise DecodeError(Reason.INVALID_NUMBER, f"{text[:60]!r} is no plain decimal of 20 + 18 digits")
    if len(text) > _MAX_DIGITS and len((match[1] + (match[2] or "")).lstrip("0")) > _MAX_DIGITS:
        raise DecodeError(Reason.INVALID_NUMBER, f"{text[:60]!r} has more than {_MAX_DIGITS} significant digits")
    return Decimal(text)


def optional_decimal(text: str | None) -> Decimal | None:
    """A decimal that the exchange may leave out or send as an empty text."""
    return decimal(text) if text else None


@lru_cache(maxsize=8_192)
def time(epoch: int) -> datetime:
    """An epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by its size."""
    try:
        return from_ms(epoch_ms(epoch))
    except (ValueError, OverflowError) as error:
        raise DecodeError(Reason.INVALID_TIME, str(error)) from None


def optional_time(epoch: int | None) -> datetime | None:
    """A time that may be absent; 0 is absent too."""
    return time(epoch) if epoch else None


def funding_time(epoch: int) -> datetime:
    """A funding time, rounded to the minute: history has it a few milliseconds late, the stream has not."""
    milliseconds = to_ms(time(epoch)) + _MINUTE_MS // 2
    return from_ms(milliseconds - milliseconds % _MINUTE_MS)


def written_time(value: str | float | int) -> datetime:
    """The time of an envelope: ISO 8601 (naive means UTC) or an epoch; floored to the millisecond."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise DecodeError(Reason.INVALID_TIME, f"{value[:60]!r} is no ISO 8601 time") from None
        utc = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    if isinstance(value, float):
        return time(int(Decimal(repr(value)) * 1000)) if 0 < value < 10**11 else time(int(value))
    return time(value)


@lru_cache(maxsize=65_536)
def symbol(text: str) -> str:
    """A symbol in upper case that may become part of a collection's name."""
    upper = text.upper() if text.isascii() else ""
    if not SYMBOL.fullmatch(upper):
        raise DecodeError(Reason.INVALID_SYMBOL, f"{text[:80]!r} is no symbol: letters, digits, '_', '-', at most 64")
    return upper


@lru_cache(maxsize=256)
def timeframe(text: str) -> str:
    """The interval of a candle, such as 1m or 4h."""
    if not TIMEFRAME.fullmatch(text):
        raise DecodeError(Reason.WRONG_TYPE, f"{text[:40]!r} is no interval such as 1m or 4h")
    return text
