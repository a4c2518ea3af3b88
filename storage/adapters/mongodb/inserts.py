"""The insert command, as the driver's own bulk writes send it, without what those do for each document.

Measured for batches of 2,000: 0.7 µs of CPU a document against 1.1, and a tenth less in mongod, which has to keep a
note of each bulk write, so that one that is sent again changes nothing (docs/performance.md). Of ours there is no such
note: what the first attempt stored is found by its key when it is sent again, and compared (decision 0034).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError, WriteConcernError

from storage.adapters.mongodb.documents import MAX_DOCUMENT_BYTES

MAX_COMMAND_BYTES = MAX_DOCUMENT_BYTES
"""The driver refuses more, but for 16 KiB that the rest of a command may take."""
MAX_COMMAND_DOCUMENTS = 100_000
"""The server refuses more (`maxWriteBatchSize`)."""

Complaint = Mapping[str, Any]
"""An element of `writeErrors`: `index`, `code`, and what belongs to the code."""


class Documents(RawBSONDocument):
    """Documents one after another, as they stand in a message to the server (OP_MSG, a section of kind 1).

    The driver takes it for one document: it copies `raw` to where all of them belong, and looks no further.
    """

    __slots__ = ("raw",)
    raw: bytes

    def __init__(self, documents: Sequence[bytes]) -> None:
        self.raw = b"".join(documents)

    def __repr__(self) -> str:
        return f"Documents({len(self.raw)} bytes)"


async def insert(collection: AsyncCollection[dict[str, Any]], documents: Sequence[bytes]) -> list[Complaint]:
    """Insert documents in any order; what the server complains about.

    When an error of the driver escapes, any of them may be there.
    """
    complaints: list[Complaint] = []
    for start, some in _commands(documents):
        found = await _insert(collection, some)
        complaints += [{**complaint, "index": start + complaint["index"]} for complaint in found]
    return complaints


async def _insert(collection: AsyncCollection[dict[str, Any]], documents: Sequence[bytes]) -> Sequence[Complaint]:
    try:
        answer = await _answer(collection, documents)
    except ServerSelectionTimeoutError:
        raise
    except AutoReconnect:  # once more, as the driver does with its own: most elections pass meanwhile
        answer = await _answer(collection, documents)
    if error := answer.get("writeConcernError"):
        raise WriteConcernError(error.get("errmsg", "no message"), error.get("code"), error)
    complaints: Sequence[Complaint] = answer.get("writeErrors", ())
    return complaints


async def _answer(collection: AsyncCollection[dict[str, Any]], documents: Sequence[bytes]) -> Mapping[str, Any]:
    concern = collection.write_concern.document
    return await collection.database.command(
        {"insert": collection.name, "documents": [Documents(documents)], "ordered": False, "writeConcern": concern}
    )


def _commands(documents: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """The documents in as few commands as they fit into, each with the place of its first one."""
    start = held = 0
    if len(documents) > MAX_COMMAND_DOCUMENTS or sum(map(len, documents)) > MAX_COMMAND_BYTES:
        for place, size in enumerate(map(len, documents)):
            full = held + size > MAX_COMMAND_BYTES or place - start == MAX_COMMAND_DOCUMENTS
            if full and place > start:
                yield start, documents[start:place]
                start, held = place, 0
            held += size
    yield start, documents[start:] if start else documents
