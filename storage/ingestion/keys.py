"""What makes two documents the same one: unique fields, or the whole content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from storage.errors import RejectedError
from storage.queries import check_documents


def canonical_json(value: Any) -> str:
    """One text for each content: names sorted, no white space, numbers as Python says them."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_told_apart
    )


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def keyed(document: object, unique_fields: Sequence[str] = ()) -> dict[str, Any]:
    """A copy of the document with its `_id` first: it follows from the unique fields, or else from the content.

    A document that has an `_id` keeps it where no other unique fields are asked for. Raises RejectedError
    for what no store keeps, and for a document that lacks a unique field.
    """
    if not isinstance(document, Mapping):
        raise RejectedError(f"a result is an object with names, not {type(document).__name__}")
    own = document.get("_id")
    if own is None:
        content = _checked({name: value for name, value in document.items() if name != "_id"})
        return {"_id": content_hash(_identity(content, unique_fields)), **content}
    if tuple(unique_fields) not in ((), ("_id",)):
        raise RejectedError("it has an _id of its own and unique fields besides: leave one of them away")
    return check_documents([document])[0]


def _checked(content: Mapping[str, Any]) -> dict[str, Any]:
    copy = check_documents([{"_id": "not known yet", **content}])[0]
    del copy["_id"]
    return copy


def _identity(content: Mapping[str, Any], unique_fields: Sequence[str]) -> Mapping[str, Any]:
    if missing := [name for name in unique_fields if content.get(name) is None]:
        raise RejectedError(f"it has no {', '.join(missing)}, and that is what makes it unique")
    return {name: content[name] for name in unique_fields} or content


def _told_apart(value: object) -> Any:
    """Values that JSON does not know, so that none of them looks like a text."""
    match value:
        case Decimal():
            return {"$decimal": str(value.normalize())}
        case datetime():
            return {"$date": value.isoformat()}
        case bytes():
            return {"$binary": value.hex()}
    raise TypeError(f"{type(value).__name__} has no canonical form")
