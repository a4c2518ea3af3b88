"""What the server itself checks of each document, generated from the columns of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from storage.schemas import schema_id
from storage.tables import TABLES, ColumnType, Table

Validation = Literal["off", "moderate", "strict"]
Options = Mapping[str, Any]

_PAIR = {"bsonType": "array", "items": {"bsonType": "decimal"}, "minItems": 2, "maxItems": 2}
_TYPES: Mapping[ColumnType, Mapping[str, Any]] = {
    ColumnType.TEXT: {"bsonType": "string"},
    ColumnType.INT: {"bsonType": "long"},
    ColumnType.BOOL: {"bsonType": "bool"},
    ColumnType.DECIMAL: {"bsonType": "decimal"},
    ColumnType.TIME: {"bsonType": "date"},
    ColumnType.LEVELS: {"bsonType": "array", "items": _PAIR},
}
_TITLES = tuple(f"{name}/" for name in TABLES)


def validator_of(table: Table) -> dict[str, Any]:
    """The `$jsonSchema` of a kind; its title says which schema it is, and that it is ours."""
    properties = {column.name: _TYPES[column.type] for column in table.columns}
    return {
        "$jsonSchema": {
            "title": schema_id(table.name),
            "bsonType": "object",
            "additionalProperties": False,
            "required": ["_id", *(column.name for column in table.columns if column.required)],
            "properties": {"_id": {"bsonType": "string"}} | properties,
        }
    }


def options_of(table: Table, validation: Validation) -> Options:
    """The options of a collection that make the server check its documents; none when it shall not."""
    if validation == "off":
        return {}
    return {"validator": validator_of(table), "validationLevel": validation, "validationAction": "error"}


def change_of(table: Table, validation: Validation, there: Options) -> Options | None:
    """What of a collection's options has to change, or None; the validator of somebody else stays as it is."""
    stored = there.get("validator", {})
    if stored and not _is_ours(stored):
        return None
    wanted = options_of(table, validation) or ({"validator": {}, "validationLevel": "off"} if stored else {})
    return None if all(there.get(name) == value for name, value in wanted.items()) else wanted


def _is_ours(validator: Options) -> bool:
    return str(validator.get("$jsonSchema", {}).get("title", "")).startswith(_TITLES)
