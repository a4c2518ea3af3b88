"""Dead letters as the command line asks for them and shows them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from consumer.cli.exits import UsageError
from consumer.cli.start import settings
from consumer.stores import store_of
from storage import DeadLetter, Reason
from storage.adapters.base import BaseAdapter


@dataclass(frozen=True)
class Filter:
    """Which letters are meant; what is not said matches all."""

    ids: Sequence[str] = ()
    reason: Reason | None = None
    source: str | None = None

    def __bool__(self) -> bool:
        return bool(self.ids or self.reason or self.source)

    def find(self, store: BaseAdapter, limit: int = 0) -> AsyncIterator[DeadLetter]:
        """The letters, the oldest first."""
        return store.dead_letters.find(ids=self.ids, reason=self.reason, source=self.source, limit=limit)


def filter_of(ids: Sequence[str] | None, reason: str | None, source: str | None) -> Filter:
    """The letters that these arguments mean; a reason may be written with dashes. Raises UsageError."""
    return Filter(ids or (), None if reason is None else _reason(reason), source)


def _reason(text: str) -> Reason:
    for reason in Reason:
        if _words(reason) == _words(text):
            return reason
    raise UsageError(f"no reason is called {text!r}; known are {', '.join(Reason)}")


def _words(text: str) -> list[str]:
    return text.lower().replace("-", " ").replace("_", " ").split()


def opened() -> BaseAdapter:
    """The store of the settings, to be entered; beside a local one another process may write market data."""
    return store_of(settings(), read_only=True)


def summary(letter: DeadLetter) -> dict[str, Any]:
    """All of a letter but what a message may make as large as it likes."""
    left_out = ("data", "headers")
    fields = {name: getattr(letter, name) for name in letter.__struct_fields__ if name not in left_out}
    return {"id": letter.id, "bytes": len(letter.data)} | fields


def contents(letter: DeadLetter) -> dict[str, Any]:
    """The rest of it without loss: the bytes are in `data` when they are UTF-8 text, else in `base64`."""
    try:
        return {"headers": letter.headers, "data": letter.data.decode()}
    except UnicodeDecodeError:
        return {"headers": letter.headers, "base64": b64encode(letter.data).decode()}
