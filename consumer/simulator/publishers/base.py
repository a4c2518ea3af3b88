"""The seam to a bus that is written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.simulator.envelope import Simulated


class Publisher(Protocol):
    """Where messages go."""

    async def publish(self, messages: Sequence[Simulated]) -> None:
        """Hand over the messages in their order; when it returns the bus has them.

        Raises SourceUnavailable or SourceRefused; then some of them may be there and some not.
        """
        ...
