"""The SQL database of the metadata."""

from __future__ import annotations

from typing import ClassVar

from storage.metadata.values import to_json
from storage.sql.database import SqlDatabase
from storage.sql.errors import Words


class MetadataDatabase(SqlDatabase):
    """MySQL/MariaDB, PostgreSQL or SQLite with the tables of `storage.metadata.schema`."""

    words: ClassVar[Words] = Words("metadata database", "METADATA_URL")
    to_json = staticmethod(to_json)
