"""Schemas that are not ours yet: what a newer tapestore might publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from storage.schemas import get_schema

MORE = {"type": "string"}


def next_trades(*, is_required: bool = False) -> dict[str, Any]:
    """The second schema of trades: one field more, which may be left out or may not."""
    first = get_schema("trades")
    required = [*first["required"], "more"] if is_required else first["required"]
    return first | {"title": "trades/2", "required": required, "properties": first["properties"] | {"more": MORE}}


def published_in(folder: Path, *schemas: dict[str, Any]) -> Path:
    """A folder that holds these schemas as a release holds its own."""
    folder.mkdir(parents=True)
    for schema in schemas:
        (folder / f"{schema['title'].replace('/', '.')}.json").write_text(json.dumps(schema))
    return folder
