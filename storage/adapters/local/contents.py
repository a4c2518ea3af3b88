"""Documents as JSON text that keeps every value exactly: {"$decimal": "1.50"}, {"$time": ms}, {"$bytes": "hex"}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from storage.adapters.base import Document
from storage.times import from_ms, to_ms


def to_json(document: Document) -> str:
    """The document as text; no name in it begins with $."""
    return json.dumps(dict(document), default=_tagged)


def from_json(text: str) -> Mapping[str, Any]:
    """The document of market data that the text was made from: lists are tuples."""
    return {name: _tuples(value) for name, value in free_from_json(text).items()}


def free_from_json(text: str) -> Mapping[str, Any]:
    """The free document that the text was made from."""
    document: Mapping[str, Any] = json.loads(text, object_hook=_untagged)
    return document


def _tagged(value: Any) -> Any:
    match value:
        case Decimal():
            return {"$decimal": str(value)}
        case datetime():
            return {"$time": to_ms(value)}
        case bytes():
            return {"$bytes": value.hex()}
        case _:
            raise TypeError(f"no document holds a {type(value).__name__}")


def _untagged(tagged: dict[str, Any]) -> Any:
    match tagged:
        case {"$decimal": str(text)}:
            return Decimal(text)
        case {"$time": int(milliseconds)}:
            return from_ms(milliseconds)
        case {"$bytes": str(digits)}:
            return bytes.fromhex(digits)
        case _:
            return tagged


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
