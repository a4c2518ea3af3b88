"""NATS headers, as a message carries them."""

from __future__ import annotations

from collections.abc import Mapping


def lowered(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    """The same headers with lower-case names, or none; values are text already."""
    return {name.lower(): value for name, value in headers.items()} if headers else None
