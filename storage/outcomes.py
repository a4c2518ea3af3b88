"""What became of a record: the vocabulary between a store and whoever writes to it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Outcome(StrEnum):
    """The fate of one record of a write."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    STALE = "stale"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    RETRY = "retry"


class Reason(StrEnum):
    """Why something became a dead letter. The set is closed: dashboards and `dlq list` group by it."""

    TOO_LARGE = "too large"
    TOO_DEEP = "too deep"
    NOT_UTF8 = "not utf-8"
    NOT_JSON = "not json"
    UNKNOWN_EVENT = "unknown event"
    MISSING_FIELD = "missing field"
    WRONG_TYPE = "wrong type"
    INVALID_NUMBER = "invalid number"
    INVALID_TIME = "invalid time"
    INVALID_SYMBOL = "invalid symbol"
    SYMBOL_LIMIT = "symbol limit"
    DOCUMENT_TOO_LARGE = "document too large"
    SCHEMA = "schema"
    UNIQUE_INDEX = "unique index"
    NOT_STORABLE = "not storable"
    MAX_DELIVERIES = "max deliveries"


class Result(NamedTuple):
    """The fate of one record, with what the caller must keep of it.

    REJECTED carries `reason` and `error`; RETRY carries `error`; CONFLICT carries the content that is
    already `stored` under the key.
    """

    outcome: Outcome
    reason: Reason | None = None
    error: str = ""
    stored: Mapping[str, Any] | None = None


STORED = Result(Outcome.STORED)
DUPLICATE = Result(Outcome.DUPLICATE)
STALE = Result(Outcome.STALE)


def rejected(reason: Reason, error: str) -> Result:
    """This record can never be stored."""
    return Result(Outcome.REJECTED, reason, error)


def retry(error: str) -> Result:
    """Whether this record is durable is not known; writing it again tells."""
    return Result(Outcome.RETRY, None, error)


def conflict(stored: Mapping[str, Any]) -> Result:
    """The key holds other content."""
    return Result(Outcome.CONFLICT, stored=stored)
