"""Documents as JSON text that keeps every value exactly; names that begin with $ stand for its type.

{"$decimal": "1.50"}, {"$time": epoch ms}, {"$bytes": base64}.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

from storage.adapters.base import Document
from storage.times import from_ms, to_ms

_EXACT = Context(prec=100)


def to_json(document: Document) -> str:
    """The document as text."""
    return json.dumps(dict(document), default=_tagged)


def from_json(text: str) -> dict[str, Any]:
    """The document that the text was made from, with lists for tuples."""
    document: dict[str, Any] = json.loads(text, object_hook=_untagged)
    return document


def tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with tuples for lists, as market data has its levels."""
    return {name: _tuple(value) for name, value in document.items()}


def canonical(document: Document) -> str:
    """The same text for the same content: the order of names and zeros at the end of a Decimal are none."""
    return json.dumps(dict(document), default=_numeric, sort_keys=True)


def _tagged(value: Any) -> Any:
    match value:
        case Decimal():
            return {"$decimal": str(value)}
        case datetime():
            return {"$time": to_ms(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case _:
            raise TypeError(f"no document holds a {type(value).__name__}")


def _numeric(value: Any) -> Any:
    return {"$decimal": str(value.normalize(_EXACT) + 0)} if isinstance(value, Decimal) else _tagged(value)


def _untagged(tagged: dict[str, Any]) -> Any:
    match tagged:
        case {"$decimal": str(text)}:
            return Decimal(text)
        case {"$time": int(milliseconds)}:
            return from_ms(milliseconds)
        case {"$bytes": str(text)}:
            return base64.b64decode(text)
        case _:
            return tagged


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
