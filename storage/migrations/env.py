"""What Alembic runs around the versions: our connection, our table of versions."""

from __future__ import annotations

from alembic import context

from storage.adapters.sql.schema import market
from storage.metadata.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, market],
    version_table=context.config.attributes["version_table"],
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
