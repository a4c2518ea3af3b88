"""Whether a schema may follow another: what the documents of the one break of the other.

Backward: documents that were written under the old one stand under the new one. Forward: those of the new one
stand under the old one, for readers that are not updated yet. Full: both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from storage.errors import IncompatibleSchema

Mode = Literal["backward", "forward", "full", "none"]
Schema = Mapping[str, Any]


def compatible(old: Schema, new: Schema, mode: Mode = "backward") -> list[str]:
    """Why `new` may not follow `old`; an empty list when it may."""
    backward = list(_broken(old, new)) if mode in ("backward", "full") else []
    forward = list(_broken(new, old)) if mode in ("forward", "full") else []
    return backward + forward


def refuse_incompatible(old: Schema, new: Schema, mode: Mode = "backward") -> None:
    """Raise IncompatibleSchema with every reason why `new` may not follow `old`."""
    if reasons := compatible(old, new, mode):
        raise IncompatibleSchema(f"{_title(new)} may not follow {_title(old)} ({mode}): {'; '.join(reasons)}")


def _broken(written: Schema, read: Schema) -> Iterator[str]:
    """What documents of one schema break of another; additional fields are refused by both."""
    for name in read["required"]:
        if name not in written["required"]:
            yield f"{_title(read)} requires {name}, which documents of {_title(written)} may lack"
    for name, was in written["properties"].items():
        now = read["properties"].get(name)
        if now is None:
            yield f"{_title(read)} has no {name}, which documents of {_title(written)} may have"
        elif was != now:
            yield f"{name} is {_named(was)} in {_title(written)} and {_named(now)} in {_title(read)}"


def _title(schema: Schema) -> str:
    return str(schema.get("title", "a schema without a title"))


def _named(type: Mapping[str, Any]) -> str:
    rest = ", ".join(f"{word} {rule}" for word, rule in type.items() if word != "type")
    return f"{type.get('type')}{rest and f' ({rest})'}"
