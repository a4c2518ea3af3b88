"""JSON Schemas of the documents, as they look in JSON: decimals and times as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.tables import TABLES, ColumnType, Table
from storage.values import MAX_FRACTION_DIGITS, MAX_INT, MAX_WHOLE_DIGITS, MIN_INT

_VERSIONS: Mapping[str, int] = dict.fromkeys(TABLES, 1)
"""Counted up whenever the columns of a kind change; `published` holds the schema of each version."""

_DECIMAL = {
    "type": "string",
    "pattern": rf"^-?[0-9]{{1,{MAX_WHOLE_DIGITS}}}(\.[0-9]{{1,{MAX_FRACTION_DIGITS}}})?$",
}
_TYPES: Mapping[ColumnType, Mapping[str, Any]] = {
    ColumnType.TEXT: {"type": "string"},
    ColumnType.INT: {"type": "integer", "minimum": MIN_INT, "maximum": MAX_INT},
    ColumnType.BOOL: {"type": "boolean"},
    ColumnType.DECIMAL: _DECIMAL,
    ColumnType.TIME: {"type": "string", "format": "date-time"},
    ColumnType.LEVELS: {
        "type": "array",
        "items": {"type": "array", "items": _DECIMAL, "minItems": 2, "maxItems": 2},
    },
}


def get_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the documents of a kind; raises ValueError that names the known kinds."""
    table = table_of_kind(kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema_id(kind),
        "type": "object",
        "additionalProperties": False,
        "required": ["_id", *(column.name for column in table.columns if column.required)],
        "properties": {"_id": {"type": "string", "minLength": 1}}
        | {column.name: dict(_TYPES[column.type]) for column in table.columns},
    }


def schema_id(kind: str) -> str:
    """The name and version of a kind's schema, such as "trades/1"; raises ValueError for an unknown kind."""
    return f"{kind}/{_VERSIONS[table_of_kind(kind).name]}"


def table_of_kind(kind: str) -> Table:
    """The table of a kind; raises ValueError that names the known ones."""
    if kind not in TABLES:
        raise ValueError(f"there is no kind {kind[:80]!r}; known are {', '.join(TABLES)}")
    return TABLES[kind]
