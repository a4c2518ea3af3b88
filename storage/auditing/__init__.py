"""Pure functions that look at what is kept and say what is wrong with it."""

from storage.auditing.ledger import Finding, Kind, verify

__all__ = ["Finding", "Kind", "verify"]
