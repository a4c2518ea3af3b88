"""What can go wrong on the way from the bus to the store.

ConsumerError
├── SourceError          the bus does not do what we ask; try again
│   ├── SourceUnavailable    nobody answers
│   └── SourceRefused        it answers, and refuses: a person has to act
├── DecodeError          these bytes will never become records
├── AddressRefused       probes and metrics cannot be served there: a person has to act
└── AtRisk               bus or store may lose what they have acknowledged, and we were asked to insist
"""

from __future__ import annotations

from collections.abc import Sequence

from storage import Reason


class ConsumerError(Exception):
    """The root of the errors of this package."""


class SourceError(ConsumerError):
    """The bus did not do what it was asked; it may later."""


class SourceUnavailable(SourceError):
    """The bus does not answer."""


class SourceRefused(SourceError):
    """The bus refuses, and goes on refusing until a person acts: `fix` says how."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class DecodeError(ConsumerError):
    """A message, or one element of it, that is no market data; `reason` is one of a closed set."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class AddressRefused(ConsumerError):
    """The address of the HTTP server is taken, not ours or not allowed: `fix` says what to change."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class AtRisk(ConsumerError):
    """Bus or store may lose what they have acknowledged, and `--strict` does not let that pass."""

    def __init__(self, risks: Sequence[str]) -> None:
        super().__init__("; ".join(risks))


def explained(error: BaseException) -> str:
    """What an error says and, where a person has to act, what to do."""
    fix = getattr(error, "fix", "")
    return f"{error}: {fix}" if fix else str(error)
