"""What is wrong with the settings, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One key, and what is wrong with it; never the value of a secret."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.key}: {self.message}"


class ConfigError(Exception):
    """The service cannot start with these settings; `problems` names every wrong key, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        title = "1 setting is wrong" if count == 1 else f"{count} settings are wrong"
        super().__init__("\n  ".join([f"{title}:", *map(str, self.problems)]))
