"""A command without its values: what can be counted and logged, because nothing of the data is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEASURED = ("filter", "query", "pipeline", "sort", "projection")
_MAX_CHARACTERS = 500
_MAX_ELEMENTS = 20


def shape_of(name: str, command: Mapping[str, Any]) -> str:
    """The command's name, its collection, and the names in what it asks; `?` stands for each value.

    What is written is left out: a batch has thousands of documents of one shape.
    """
    parts = [f"{part} {_shape(command[part])}" for part in _MEASURED if part in command]
    return " ".join([name, _collection(name, command), *parts])[:_MAX_CHARACTERS].rstrip()


def _collection(name: str, command: Mapping[str, Any]) -> str:
    collection = command.get("collection" if name == "getMore" else name)
    return collection if isinstance(collection, str) else ""


def _shape(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shape(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(dict.fromkeys(map(_shape, value[:_MAX_ELEMENTS]))) + "]"
    return "?"
