"""The newest tables in a database that has none of ours: nothing is there to be taken step by step.

Alembic costs three quarters of that start, most of it its import. That its steps build the very same is a contract
of each server (tests/contracts/metadata_migrations.py).
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect

from storage.adapters.sql.schema import market
from storage.metadata.schema import metadata


def is_empty(connection: Connection, version_table: str) -> bool:
    """Whether no table of ours is there; those of other programs may be."""
    ours = metadata.tables.keys() | market.tables.keys() | {version_table}
    return ours.isdisjoint(inspect(connection).get_table_names())


def create(connection: Connection, version_table: str, head: str) -> None:
    """Make every table, and note that they are those of `head`; killed before that, the steps finish it."""
    for tables in (metadata, market):
        tables.create_all(connection)
    version = _version(version_table)
    version.create(connection)
    connection.execute(version.insert().values(version_num=head))


def _version(name: str) -> Table:
    """The table of that name in which Alembic keeps where the others stand."""
    key = PrimaryKeyConstraint("version_num", name=f"{name}_pkc")
    return Table(name, MetaData(), Column("version_num", String(32), nullable=False), key)
