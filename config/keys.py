"""Every key that can be set, read off the models: its name, its place, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from pydantic.fields import FieldInfo

from config.section import Section
from config.settings import Settings
from config.values import Schema, allowed, schema_of, shown

FALLBACKS = {f"MYSQL_{part}": f"POSTGRES_{part}" for part in ("HOST", "PORT", "USER", "PASSWORD", "DB")}
"""The key that is read where the first one is not set."""


@dataclass(frozen=True)
class Key:
    """One setting of a model; `section` and `attribute` are its place in Settings, whose own section is ""."""

    name: str
    section: str
    attribute: str
    model: type[Section]

    @property
    def field(self) -> FieldInfo:
        """What the model says of it."""
        return self.model.model_fields[self.attribute]

    @cached_property
    def schema(self) -> Schema:
        """The JSON schema of its value in the file."""
        return schema_of(self.field, _properties(self.model)[self.name])

    @cached_property
    def is_secret(self) -> bool:
        """Whether the value must never be shown as it is."""
        return bool(self.schema.get("writeOnly"))

    @cached_property
    def default(self) -> str:
        """The default as one would write it; empty when there is none."""
        return shown(self.field.default)

    @cached_property
    def allowed(self) -> str:
        """What may be given, in words."""
        return allowed(self.schema)

    def value(self, settings: Settings) -> Any:
        """The value that this key has in these settings."""
        return getattr(getattr(settings, self.section) if self.section else settings, self.attribute)


def sections() -> Iterator[tuple[str, type[Section]]]:
    """The sections in the order of Settings, itself first."""
    yield "", Settings
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield name, field.annotation


def _keys() -> Iterator[Key]:
    for section, model in sections():
        for attribute, field in model.model_fields.items():
            if name := field.alias:
                yield Key(name, section, attribute, model)


@cache  # made when somebody asks: who only loads settings need not wait for it
def _properties(model: type[Section]) -> Mapping[str, Schema]:
    properties: Mapping[str, Schema] = model.model_json_schema(by_alias=True)["properties"]
    return properties


KEYS: Mapping[str, Key] = {key.name: key for key in _keys()}
NAMES = frozenset(KEYS) | frozenset(FALLBACKS.values())
"""Every name that may be set."""
