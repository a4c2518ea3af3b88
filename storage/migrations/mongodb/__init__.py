"""The collections of MongoDB, brought up to date by a short list of versions."""

from storage.migrations.mongodb.lock import MigrationsLocked
from storage.migrations.mongodb.runner import MongoDBMigrations

__all__ = ["MigrationsLocked", "MongoDBMigrations"]
