"""Messages that the bus lent us for a while: which of them must be renewed."""

from __future__ import annotations

from collections.abc import Iterable


class Leases:
    """The reply subjects of messages that were given and are not settled.

    Only those that are still here at the second call of `due` are renewed: most messages are settled long
    before. Called every third of the lease, that renews each message in time. What is given back keeps its order:
    the bus delivers it again in that order, and of two contents of one key the first one stays.
    """

    def __init__(self) -> None:
        self._new: dict[str, None] = {}
        self._old: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, replies: Iterable[str]) -> None:
        """Messages were given."""
        self._new.update(dict.fromkeys(replies))

    def end(self, replies: Iterable[str]) -> list[str]:
        """Those that were still ours; from now on none is."""
        new, old = self._new, self._old
        return [reply for reply in replies if new.pop(reply, self) is None or old.pop(reply, self) is None]

    def due(self) -> list[str]:
        """Those that must be renewed now."""
        due = list(self._old)
        self._old.update(self._new)
        self._new.clear()
        return due

    def end_all(self) -> list[str]:
        """Those that are still ours; from now on none is."""
        left = [*self._old, *self._new]
        self._old.clear()
        self._new.clear()
        return left
