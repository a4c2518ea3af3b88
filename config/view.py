"""The settings as they may be shown: every key with its value, its secrets hidden, and where it came from."""

from __future__ import annotations

from typing import NamedTuple

from config.keys import KEYS
from config.settings import Settings
from config.values import shown


class Shown(NamedTuple):
    """One key; `source` is "default", "file" or "environment", with the name in brackets where it is another."""

    key: str
    value: str
    source: str


def describe(settings: Settings) -> list[Shown]:
    """Every key in the order of the reference."""
    return [
        Shown(key.name, shown(key.value(settings)), settings._given.get(key.name, "default")) for key in KEYS.values()
    ]


def public_view(settings: Settings) -> dict[str, str]:
    """The value of every key, without what is secret in it."""
    return {key: value for key, value, _ in describe(settings)}
