"""One value of a setting: what may be given as a schema and in words, and the value as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ByteSize, SecretStr
from pydantic.fields import FieldInfo

from config.urls import HIDDEN, public_url

_BOUNDS = (("minimum", "ge"), ("maximum", "le"))
Schema = Mapping[str, Any]

_BYTES = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(([kKmMgG]i?)?[bB])?$"}
_KEPT = (
    "description",
    "type",
    "enum",
    "pattern",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "minLength",
    "items",
    "writeOnly",
)


def schema_of(field: FieldInfo, schema: Schema) -> Schema:
    """The JSON schema of one value in the file, from what pydantic says of the field."""
    schema = dict(schema) | next((option for option in schema.get("anyOf", ()) if option["type"] != "null"), {})
    plain = {name: schema[name] for name in _KEPT if name in schema}
    if field.annotation is ByteSize:
        plain = {"description": plain["description"], "anyOf": [{"type": "integer"} | _bounds(field), _BYTES]}
    elif plain["type"] == "array":
        plain = {"description": plain.pop("description"), "anyOf": [plain, {"type": "string"}]}
    return plain | ({"default": _default(field.default)} if shown(field.default) else {})


def _bounds(field: FieldInfo) -> dict[str, int]:
    """The bounds that the schema of a ByteSize leaves out."""
    bounds = ((name, getattr(item, word, None)) for item in field.metadata for name, word in _BOUNDS)
    return {name: bound for name, bound in bounds if bound is not None}


def _default(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value if type(value) in (bool, int, float) else shown(value)


def allowed(schema: Schema) -> str:
    """What may be given, in words."""
    match schema:
        case {"anyOf": [{"type": "array"}, *_]}:
            return "values separated by commas"
        case {"anyOf": [{"type": "integer"} as number, *_]}:
            return f"bytes{_range(number, _bytes)}"
        case {"enum": [*values]}:
            return ", ".join(values[:-1]) + f" or {values[-1]}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer"}:
            return f"a whole number{_range(schema, str)}"
        case {"type": "number"}:
            return f"a number{_range(schema, '{:g}'.format)}"
        case {"pattern": str(pattern)}:
            return "text that matches " + pattern.removeprefix("^").removesuffix("$")
    return "text"


def _range(schema: Schema, write: Callable[[Any], str]) -> str:
    least, above, most = (schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
    start = f" from {write(least)}" if least is not None else f" above {write(above)}" if above is not None else ""
    return start + (f" to {write(most)}" if most is not None else "")


def shown(value: object) -> str:
    """A value as one would write it in the environment, without what is secret in it; None is empty."""
    match value:
        case None:
            return ""
        case SecretStr():
            return _without_secret(value.get_secret_value())
        case bool():
            return str(value).lower()
        case ByteSize():
            return _bytes(value)
        case timedelta():
            return _duration(value)
        case tuple():
            return ",".join(map(str, value))
        case float():
            return f"{value:g}"
        case Path():
            return str(value) if value.is_absolute() else f"./{value}"
    return str(value)


def _without_secret(text: str) -> str:
    if "://" in text:
        return public_url(text)
    return HIDDEN if text else ""


def _duration(value: timedelta) -> str:
    minutes = value // timedelta(minutes=1)
    for unit, name in ((1440, "d"), (60, "h")):
        if minutes % unit == 0:
            return f"{minutes // unit}{name}"
    return f"{minutes}m"


def _bytes(size: int) -> str:
    for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)
