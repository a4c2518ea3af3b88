"""What all that is kept in SQL stands on: one engine, one vocabulary of errors, types and URLs."""

from storage.sql.database import SqlDatabase

__all__ = ["SqlDatabase"]
