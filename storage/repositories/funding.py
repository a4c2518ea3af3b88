"""Funding."""

from __future__ import annotations

from storage.records import FundingRate
from storage.repositories.base import Repository
from storage.tables import FUNDING_RATES


class FundingRepository(Repository[FundingRate]):
    """Funding rates by symbol; a running rate gives way to the settled one."""

    table = FUNDING_RATES
