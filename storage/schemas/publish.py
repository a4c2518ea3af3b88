"""`python -m storage.schemas.publish` writes the schemas that have no file yet, and never changes one that has."""

from __future__ import annotations

import json
from pathlib import Path

from storage.schemas.history import PUBLISHED
from storage.schemas.json_schema import get_schema, schema_id
from storage.tables import TABLES


def publish(folder: Path = PUBLISHED) -> list[str]:
    """Write the current schema of each kind that the folder lacks; returns their names and versions."""
    folder.mkdir(exist_ok=True)
    missing = [kind for kind in TABLES if not _file(folder, kind).exists()]
    for kind in missing:
        _file(folder, kind).write_text(json.dumps(get_schema(kind), indent=2) + "\n", "utf-8")
    return [schema_id(kind) for kind in missing]


def _file(folder: Path, kind: str) -> Path:
    return folder / f"{schema_id(kind).replace('/', '.')}.json"


if __name__ == "__main__":
    publish()
