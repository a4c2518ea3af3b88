"""The metadata tables, and the collections of MongoDB, brought up to date: forward, back, and where they stand."""

from storage.migrations.front import apply_migrations, migration_status, rollback_migrations, upgrade_collections
from storage.migrations.steps import MigrationStatus, downgrade, status, upgrade

__all__ = [
    "MigrationStatus",
    "apply_migrations",
    "downgrade",
    "migration_status",
    "rollback_migrations",
    "status",
    "upgrade",
    "upgrade_collections",
]
