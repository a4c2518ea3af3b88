"""The settings as they may be shown: every key with its value, its secrets hidden, and where it came from."""

from __future__ import annotations

from typing import NamedTuple

from config.keys import KEYS
from config.settings import Settings
from config.values import shown


class Shown(NamedTuple):
    """One key, as it is in force; `source` is "default", "file" or "environment".

    In brackets stand the name where it is another, and the store where a default is that store's own.
    """

    key: str
    value: str
    source: str


def describe(settings: Settings) -> list[Shown]:
    """Every key in the order of the reference."""
    suited, origin = _suited(settings), f"default (STORE={settings.store.kind})"
    own = {key: Shown(key, value, origin) for key, value in suited.items() if key not in settings._given}
    return [
        own.get(name) or Shown(name, shown(key.value(settings)), settings._given.get(name, "default"))
        for name, key in KEYS.items()
    ]


def _suited(settings: Settings) -> dict[str, str]:
    """What is in force of the keys whose defaults suit the store."""
    batching = settings.batching
    return {
        "BATCH_MAX_MESSAGES": str(batching.max_messages),
        "BATCH_MAX_WRITES": str(batching.max_writes),
        "BATCH_MAX_AGE_SECONDS": f"{batching.ages[1]:g}",
    }


def public_view(settings: Settings) -> dict[str, str]:
    """The value of every key, without what is secret in it."""
    return {key: value for key, value, _ in describe(settings)}
