"""Messages that the bus lent us for a while: which of them must be renewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Leases:
    """The reply subjects of messages that were given and are not settled.

    Only those that are still here at the second call of `due` are renewed: most messages are settled long
    before. Called every third of the lease, that renews each message in time.
    """

    def __init__(self) -> None:
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, replies: Iterable[str]) -> None:
        """Messages were given."""
        self._new.update(replies)

    def end(self, replies: Sequence[str]) -> Sequence[str]:
        """Those that were still ours; from now on none is."""
        ended = self._new.intersection(replies)
        self._new -= ended
        if len(ended) == len(replies):
            return replies
        held = self._old.intersection(replies)
        self._old -= held
        return [reply for reply in dict.fromkeys(replies) if reply in ended or reply in held]

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
