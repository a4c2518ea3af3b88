"""Lineage rows reach the SQL database in the end, also when it is down for long."""

from storage.spool.files import CorruptSpool, LineageSpool, SpoolError
from storage.spool.waiting import Waiting, merge
from storage.spool.writer import LineageWriter

__all__ = ["CorruptSpool", "LineageSpool", "LineageWriter", "SpoolError", "Waiting", "merge"]
