"""What became of the documents of an ingestion: the numbers always add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["success", "partial", "failed"]


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """One document that was not kept: its place in the input, from 0, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class IngestResult:
    """read = inserted + updated + unchanged + failed, and `errors` names every one that failed."""

    read: int
    inserted: int
    updated: int
    unchanged: int
    errors: tuple[Failure, ...] = ()
    dry_run: bool = False

    @property
    def failed(self) -> int:
        """Documents that were not kept."""
        return len(self.errors)

    @property
    def status(self) -> Status:
        """ "success" when none failed, "failed" when all did, else "partial"."""
        if not self.errors:
            return "success"
        return "failed" if self.failed == self.read else "partial"
