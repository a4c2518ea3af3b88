"""When there is nothing left to do: the answer that `--until-idle` waits for."""

from __future__ import annotations


class Idleness:
    """True once `observe(idle=True)` has held for `seconds` without a break."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def observe(self, *, idle: bool, now: float) -> bool:
        """Note what is seen at `now`, in seconds; returns whether it has been idle for long enough."""
        if not idle:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= self._seconds
