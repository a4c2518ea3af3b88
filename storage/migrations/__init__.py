"""The metadata tables, brought up to date by Alembic: forward, back, and where they stand."""

from storage.migrations.steps import MigrationStatus, downgrade, status, upgrade

__all__ = ["MigrationStatus", "downgrade", "status", "upgrade"]
