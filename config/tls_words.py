"""The words for TLS in the URL of a database, in those of MySQL's world and of PostgreSQL's."""

from __future__ import annotations

NO_TLS = frozenset({"disable", "disabled", "false", "0"})
DRIVER_DECIDES = frozenset({"allow", "prefer", "preferred"})
ENCRYPTED = frozenset({"require", "required"})
TRUSTED = frozenset({"verifyca"})
TRUSTED_HOST = frozenset({"verifyfull", "verifyidentity", "true", "1"})
MODES = NO_TLS | DRIVER_DECIDES | ENCRYPTED | TRUSTED | TRUSTED_HOST


def plain_word(text: str) -> str:
    """A name or a mode as the sets above have it: verify-ca, VERIFY_CA and verifyca are one."""
    return text.lower().replace("_", "").replace("-", "")
