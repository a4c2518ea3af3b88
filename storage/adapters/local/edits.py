"""Changes of rows by a filter: removing them, or setting fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.base import Document
from storage.adapters.local.conditions import mask
from storage.adapters.local.parquet import arrange, documents, encode
from storage.queries import Filter
from storage.tables import Table

Edit = Callable[[pa.Table], tuple[pa.Table, int]]
"""Rows, one for each key, become others; and how many of them changed."""


def removing(where: Filter) -> Edit:
    """The edit that removes what matches."""

    def edit(rows: pa.Table) -> tuple[pa.Table, int]:
        rest = rows.filter(pc.invert(mask(where, rows)))
        return rest, rows.num_rows - rest.num_rows

    return edit


def setting(table: Table, where: Filter, changes: Mapping[str, Any]) -> Edit:
    """The edit that sets fields of what matches, None removing one; what is so already does not change."""

    def edit(rows: pa.Table) -> tuple[pa.Table, int]:
        found = mask(where, rows)
        before = documents(rows.filter(found))
        after = [_with(document, changes) for document in before]
        count = sum(map(dict.__ne__, after, before))
        if not count:
            return rows, 0
        new = encode(table, [table.to_record(document) for document in after])
        return arrange(table, pa.concat_tables([rows.filter(pc.invert(found)), new])), count

    return edit


def _with(document: Document, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**document, **changes}.items() if value is not None}
