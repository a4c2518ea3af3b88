"""The contract of every adapter, written once; each backend inherits it.

class TestMyAdapter(AdapterContract):
    @pytest.fixture
    async def adapter(self) -> AsyncIterator[BaseAdapter]:
        async with MyAdapter(..., max_collections=MAX_COLLECTIONS) as adapter:
            yield adapter
"""

from __future__ import annotations

from tests.contracts.aggregating import AggregatingContract
from tests.contracts.agreeing import AgreementContract
from tests.contracts.changing import CapabilityContract, DeletingContract, UpdatingContract
from tests.contracts.finding import FindingContract
from tests.contracts.free_documents import FreeDocumentContract
from tests.contracts.letters import ConflictContract, DeadLetterContract
from tests.contracts.queries import QueryContract
from tests.contracts.repositories import RepositoryContract
from tests.contracts.versions import VersionContract
from tests.contracts.writing import MAX_COLLECTIONS, WritingContract

__all__ = ["MAX_COLLECTIONS", "AdapterContract"]


class AdapterContract(
    WritingContract,
    VersionContract,
    QueryContract,
    FindingContract,
    AggregatingContract,
    AgreementContract,
    CapabilityContract,
    UpdatingContract,
    DeletingContract,
    FreeDocumentContract,
    DeadLetterContract,
    ConflictContract,
    RepositoryContract,
):
    """All that an adapter promises. A subclass provides the fixture `adapter`: connected, empty, and made
    with `max_collections=MAX_COLLECTIONS`."""
