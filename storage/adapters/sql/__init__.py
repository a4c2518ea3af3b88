"""The store in MySQL, MariaDB, PostgreSQL or SQLite."""

from storage.adapters.sql.adapter import MySQLAdapter, PostgreSQLAdapter, SQLAdapter, SQLiteAdapter

__all__ = ["MySQLAdapter", "PostgreSQLAdapter", "SQLAdapter", "SQLiteAdapter"]
