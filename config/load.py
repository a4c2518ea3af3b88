"""From the environment and a file to settings; the only reader of the environment.

The file is TOML with the same keys as the environment. The environment wins; an empty value is an unset one.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.errors import ConfigError, Problem
from config.keys import FALLBACKS, KEYS, NAMES, Key
from config.rules import Contradiction
from config.settings import Settings

FILE_KEY = "TAPESTORE_CONFIG"

_SAFE_TO_SHOW = re.compile(r"[A-Za-z0-9_.+-]{1,32}")
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")
_SERVICE_LINK_ADVICE = (
    "holds the address of a service that Kubernetes has put there; "
    "set enableServiceLinks: false in the pod, and the port as a number"
)


class Given(NamedTuple):
    """A value with the name that it was given under, and where."""

    value: Any
    name: str
    origin: str

    def where(self, key: str) -> str:
        """Where the value of this key came from, for people."""
        return self.origin if self.name == key else f"{self.origin} ({self.name})"


def load(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """The settings of this process; `file` stands for TAPESTORE_CONFIG.

    Raises ConfigError, which lists every wrong key at once and shows no secret.
    """
    environ = os.environ if environ is None else environ
    in_file = _read(file or environ.get(FILE_KEY))
    given = _given(environ, in_file)
    if problems := [*_unknown(in_file), *_problems(given)]:
        raise ConfigError(problems)
    settings = Settings.model_validate(_nested(given))
    settings._given.update({key: value.where(key) for key, value in given.items()})
    return settings


def lookalikes(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables of the environment that look like a misspelt key, each with the key that was perhaps meant."""
    names = os.environ if environ is None else environ
    unknown = (name for name in sorted(names) if name not in NAMES and "_" in name)
    return [f"{name}: unknown; did you mean {close[0]}?" for name in unknown if (close := _close(name, 0.87))]


def _read(file: Path | str | None) -> Mapping[str, Any]:
    if not file:
        return {}
    try:
        return tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot read {file}: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"{file} is no UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"{file} is no valid TOML: {error}"
    raise ConfigError([Problem(FILE_KEY, problem)])


def _unknown(in_file: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in in_file.items():
        if isinstance(value, dict):
            yield Problem(name, "is a table; the file is flat, with the names of the environment, e.g. KAFKA_TOPICS")
        elif name not in NAMES:
            close = _close(name.upper(), 0.6)
            yield Problem(name, "is no known key" + (f"; did you mean {close[0]}?" if close else ""))


def _close(name: str, cutoff: float) -> list[str]:
    return get_close_matches(name, NAMES, n=1, cutoff=cutoff)


def _given(environ: Mapping[str, str], in_file: Mapping[str, Any]) -> dict[str, Given]:
    """What was given for each key; its own name counts before the name that it falls back to."""
    given = {}
    for key in KEYS:
        for name in (key, FALLBACKS.get(key, key)):
            for origin, values in (("environment", environ), ("file", in_file)):
                if key not in given and _is_set(value := values.get(name)):
                    given[key] = Given(_as_text(value), name, origin)
    return given


def _is_set(value: object) -> bool:
    return value not in (None, []) and not (isinstance(value, str) and not value.strip())


def _as_text(value: object) -> object:
    """A bool of the file as text, or it would pass for the number 0 or 1."""
    return str(value).lower() if isinstance(value, bool) else value


def _nested(given: Mapping[str, Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in given.items():
        section = KEYS[name].section
        (tree.setdefault(section, {}) if section else tree)[name] = value.value
    return tree


def _problems(given: Mapping[str, Given]) -> Iterator[Problem]:
    """Every wrong key, and every rule that the right ones break among themselves."""
    details = _validate(given)
    wrong = {_key(detail): detail for detail in details if detail["loc"]}
    yield from (_problem(KEYS[name], given[name], detail) for name, detail in wrong.items())
    right = {name: value for name, value in given.items() if name not in wrong}
    for detail in _validate(right) if wrong else details:
        broken = cast(Contradiction, detail["ctx"]["error"])  # the only error that belongs to no key
        yield from (Problem(r.key, r.message) for r in broken.rules if not wrong.keys() & {r.key, *r.others})


def _validate(given: Mapping[str, Given]) -> list[ErrorDetails]:
    try:
        Settings.model_validate(_nested(given))
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False)
    return []


def _key(detail: ErrorDetails) -> str:
    return next(str(part) for part in detail["loc"] if part in KEYS)


def _problem(key: Key, given: Given, detail: ErrorDetails) -> Problem:
    text = str(given.value)
    if key.schema.get("type") == "integer" and _SERVICE_LINK.match(text):
        return Problem(given.name, _SERVICE_LINK_ADVICE)
    if detail["type"] == "value_error":
        return Problem(given.name, str(detail["ctx"]["error"]))
    harmless = not key.is_secret and _SAFE_TO_SHOW.fullmatch(text)
    return Problem(given.name, f"must be {key.allowed}" + (f", not {text}" if harmless else ""))
