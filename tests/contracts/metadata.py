"""The contract of the metadata database, written once; each SQL server inherits it.

class TestMyServer(MetadataContract):
    @pytest.fixture
    def url(self, ...) -> str:
        return the URL of an empty database
"""

from __future__ import annotations

from tests.contracts.metadata_migrations import MigrationContract
from tests.contracts.metadata_repositories import (
    AuditContract,
    BackfillContract,
    CatalogContract,
    HealthContract,
    LineageContract,
)
from tests.contracts.metadata_values import ValueContract

__all__ = ["MetadataContract"]


class MetadataContract(
    MigrationContract,
    ValueContract,
    CatalogContract,
    AuditContract,
    HealthContract,
    BackfillContract,
    LineageContract,
):
    """All that the metadata database promises. A subclass provides the fixture `url`: an empty database."""
