"""Free documents: written whole, by `_id`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import UpdateOne

from storage.adapters.base import Change, Document
from storage.adapters.mongodb.connection import Database
from storage.queries import same_document

_READ_AT_ONCE = 500


async def replace(
    database: Database, collection: str, documents: Sequence[Document], *, dry_run: bool
) -> Sequence[Change]:
    """Write documents and say of each what that changed, in their order; errors of the driver escape."""
    changes: list[Change] = []
    for start in range(0, len(documents), _READ_AT_ONCE):
        changes += await _replace(database, collection, documents[start : start + _READ_AT_ONCE], dry_run=dry_run)
    return changes


async def _replace(
    database: Database, collection: str, documents: Sequence[Document], *, dry_run: bool
) -> list[Change]:
    stored = await _find(database, collection, [document["_id"] for document in documents])
    changes = [_change(stored.get(document["_id"]), document) for document in documents]
    new = [document for document, change in zip(documents, changes, strict=True) if change is not Change.UNCHANGED]
    if new and not dry_run:
        await database[collection].bulk_write([_write(document) for document in new], ordered=False)
    return changes


async def _find(database: Database, collection: str, ids: list[str]) -> Mapping[str, Document]:
    return {found["_id"]: found async for found in database[collection].find({"_id": {"$in": ids}})}


def _change(stored: Document | None, document: Document) -> Change:
    if stored is None:
        return Change.INSERTED
    return Change.UNCHANGED if same_document(stored, document) else Change.UPDATED


def _write(document: Document) -> UpdateOne:
    """A literal: the names of free documents may hold dots, which an update would take for paths."""
    stage: dict[str, Any] = {"$replaceWith": {"$literal": document}}
    return UpdateOne({"_id": document["_id"]}, [stage], upsert=True)
