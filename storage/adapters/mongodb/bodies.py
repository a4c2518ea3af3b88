"""Contents of any size beside a document: what does not fit into one lies in a collection of parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import bson

from storage.adapters.mongodb.connection import Connection
from storage.adapters.mongodb.documents import CODEC
from storage.errors import TransientError

MAX_INLINE_BYTES = 15 * 1024 * 1024
"""A document has 16 MiB; this leaves a mebibyte for what stands around a body."""

Body = Mapping[str, Any]


class Bodies:
    """The bodies of the documents of one collection, by the document's id."""

    def __init__(self, connection: Connection, collection: str) -> None:
        self._connection = connection
        self._collection = collection

    async def keep(self, id: str, body: Body) -> Body:
        """What to write into the document: the body, or the number of its parts, which are durable then."""
        data = bson.encode(body, codec_options=CODEC)
        if len(data) <= MAX_INLINE_BYTES:
            return body
        parts = [data[start : start + MAX_INLINE_BYTES] for start in range(0, len(data), MAX_INLINE_BYTES)]
        for key, part in zip(_keys(id, len(parts)), parts, strict=True):
            await self._parts.update_one({"_id": key}, {"$set": {"data": part}}, upsert=True)
        return {"parts": len(parts)}

    async def fill(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document with its body."""
        if "parts" not in document:
            return document
        keys = _keys(document["_id"], document["parts"])
        found = {part["_id"]: part["data"] async for part in self._parts.find({"_id": {"$in": keys}})}
        if len(found) < len(keys):
            raise TransientError(f"{len(keys) - len(found)} parts of {document['_id']} are missing: was it deleted?")
        return document | bson.decode(b"".join(found[key] for key in keys), codec_options=CODEC)

    async def forget(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Remove the parts of these documents."""
        keys = [key for document in documents for key in _keys(document["_id"], document["parts"])]
        if keys:
            await self._parts.delete_many({"_id": {"$in": keys}})

    @property
    def _parts(self) -> Any:
        return self._connection.database[self._collection]


def _keys(id: str, count: int) -> list[str]:
    return [f"{id}/{number}" for number in range(count)]
