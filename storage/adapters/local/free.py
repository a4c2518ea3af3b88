"""Free documents of the local store: one SQLite file, each document as JSON that keeps every value exactly."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from storage.adapters.base import Change, Document
from storage.adapters.local.contents import free_from_json, to_json
from storage.adapters.local.database import Database
from storage.queries import Filter, matches, same_document

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) WITHOUT ROWID;
"""
PAGE = 200

_PAGE = "SELECT content FROM documents WHERE collection = :collection AND id > :after ORDER BY id LIMIT :page"
_ALL = "SELECT content FROM documents WHERE collection = :collection"
_THESE = """
SELECT content FROM documents
WHERE collection = :collection AND id IN (SELECT value FROM json_each(:ids))
"""
_PUT = """
INSERT INTO documents (collection, id, content) VALUES (:collection, :id, :content)
ON CONFLICT (collection, id) DO UPDATE SET content = excluded.content
"""
_DELETE = "DELETE FROM documents WHERE collection = :collection AND id = :id"


class FreeDocuments:
    """Collections of documents by `_id`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, collection: str) -> Iterator[Document]:
        """The documents by `_id`, read page by page, so that some may come and go meanwhile."""
        after = ""
        # A store of an older release, opened for reading only, has no such file.
        while self._database.path.exists():
            asked = {"collection": collection, "after": after, "page": PAGE}
            page = [free_from_json(row["content"]) for row in self._database.rows(_PAGE, asked)]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]["_id"]

    def replace(self, collection: str, documents: Sequence[Document], *, dry_run: bool) -> list[Change]:
        """Write documents that were checked, all or none; what that changed of each."""
        with self._database.changing() as connection:
            stored = _stored(connection, collection, [document["_id"] for document in documents])
            fates = [_change(stored.get(document["_id"]), document) for document in documents]
            if not dry_run:
                new = [each for each, fate in zip(documents, fates, strict=True) if fate is not Change.UNCHANGED]
                connection.executemany(_PUT, [_row(collection, document) for document in new])
        return fates

    def delete(self, collection: str, where: Filter) -> int:
        """Remove the documents that match, all at once; returns how many there were."""
        with self._database.changing() as connection:
            contents = connection.execute(_ALL, {"collection": collection})
            documents = (free_from_json(row["content"]) for row in contents)
            found = [{"collection": collection, "id": each["_id"]} for each in documents if matches(where, each)]
            connection.executemany(_DELETE, found)
        return len(found)


def _stored(connection: sqlite3.Connection, collection: str, ids: Sequence[str]) -> Mapping[str, Document]:
    rows = connection.execute(_THESE, {"collection": collection, "ids": json.dumps(ids)})
    documents = [free_from_json(row["content"]) for row in rows]
    return {document["_id"]: document for document in documents}


def _change(stored: Document | None, document: Document) -> Change:
    if stored is None:
        return Change.INSERTED
    return Change.UNCHANGED if same_document(stored, document) else Change.UPDATED


def _row(collection: str, document: Document) -> dict[str, Any]:
    return {"collection": collection, "id": document["_id"], "content": to_json(document)}
