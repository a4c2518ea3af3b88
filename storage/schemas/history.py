"""Every schema as it was published: what it said at its time, whatever the records look like today."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from storage.errors import IncompatibleSchema
from storage.schemas.compatibility import Mode, refuse_incompatible

PUBLISHED = Path(__file__).with_name("published")
"""One file for each version of each kind, `trades.1.json`; written once by `storage.schemas.publish`."""


def published(schema_id: str, folder: Path = PUBLISHED) -> dict[str, Any]:
    """The schema of that name and version, such as "trades/1"; raises IncompatibleSchema for one unknown here."""
    schemas = _schemas(folder)
    if schema_id not in schemas:
        raise IncompatibleSchema(f"schema {schema_id[:80]!r} is unknown here: it was registered by a newer tapestore")
    return schemas[schema_id]


def refuse_change(old_id: str, new_id: str, mode: Mode = "backward", folder: Path = PUBLISHED) -> None:
    """Raise IncompatibleSchema when a dataset of the one schema may not become one of the other; to stay is allowed."""
    if old_id != new_id and mode != "none":
        refuse_incompatible(published(old_id, folder), published(new_id, folder), mode)


@cache
def _schemas(folder: Path) -> dict[str, dict[str, Any]]:
    schemas = (json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json")))
    return {schema["title"]: schema for schema in schemas}
