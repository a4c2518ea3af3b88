"""Order books."""

from __future__ import annotations

from storage.records import Depth
from storage.repositories.base import Repository
from storage.tables import DEPTH


class DepthRepository(Repository[Depth]):
    """Changes and snapshots of the order book by symbol."""

    table = DEPTH
