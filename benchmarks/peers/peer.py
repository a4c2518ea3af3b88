"""The seam to a system that is measured beside tapestore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

PARTITIONS = 4  # of the topic


class Work(NamedTuple):
    """What a peer moves: the trades of a topic, each into the collection of its symbol.

    `journaled` asks the database for what tapestore always asks: a majority has it in its journals.
    """

    bootstrap: str
    topic: str
    uri: str
    database: str
    journaled: bool

    @property
    def name(self) -> str:
        """A consumer group that has read nothing yet."""
        return f"peer-{self.database}"


class Peer(Protocol):
    """One of them: how it is brought here and how it is run; `slow`: one round of it takes a minute."""

    title: str
    needs: str
    slow: bool

    def installed(self) -> bool:
        """Whether this machine has it."""
        ...

    def install(self) -> None:
        """Bring it here; raises InstallError with one line."""
        ...

    def command(self, folder: Path, work: Work) -> Sequence[str | Path]:
        """Write its configuration into the folder; returns its command line."""
        ...
