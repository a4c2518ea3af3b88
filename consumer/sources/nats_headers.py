"""NATS headers, as a message carries them."""

from __future__ import annotations

from collections.abc import Mapping


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers with lower-case names; values are text already."""
    return {name.lower(): value for name, value in headers.items()}
