"""The insert command, as the driver's own bulk writes send it, without what those do for each document.

The server keeps a note of each bulk write, so that one that is sent again changes nothing. Of ours it keeps none: what
the first attempt stored is found by its key when it is sent again, and compared (decision 0034 says what that saves).
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError, WriteConcernError

from storage.adapters.mongodb.documents import MAX_DOCUMENT_BYTES

MAX_COMMAND_BYTES = MAX_DOCUMENT_BYTES
"""The driver refuses more, but for 16 KiB that the rest of a command may take."""
MAX_COMMAND_DOCUMENTS = 20_000
"""Its answer holds 218 bytes for each that is there already, and one above 16 MiB breaks the connection."""
_ELECTION = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""What a server says while another one takes over, of a command or of its write concern: the driver's own list for
writes that it sends again (specifications/retryable-writes)."""

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

    # a mapping for whoever logs the command: nothing is to be seen of what is written

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def items(self) -> ItemsView[str, Any]:
        return ItemsView(self)


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
    """Send it once more, as the driver does with its own, when a server goes: most elections pass meanwhile."""
    try:
        return await _attempt(collection, documents)
    except ServerSelectionTimeoutError:
        raise
    except AutoReconnect:
        pass
    except OperationFailure as error:
        if error.code not in _ELECTION:
            raise
    return await _attempt(collection, documents)


async def _attempt(collection: AsyncCollection[dict[str, Any]], documents: Sequence[bytes]) -> Sequence[Complaint]:
    concern = collection.write_concern.document
    answer = await collection.database.command(
        {"insert": collection.name, "documents": [Documents(documents)], "ordered": False, "writeConcern": concern}
    )
    if error := answer.get("writeConcernError"):
        raise WriteConcernError(error.get("errmsg", "no message"), error.get("code"), error)
    complaints: Sequence[Complaint] = answer.get("writeErrors", ())
    if (told := answer["n"] + len(complaints)) != len(documents):
        raise OperationFailure(f"the server tells of {told} documents, and {len(documents)} were sent")
    return complaints


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
