"""The names that a question may use: a table's columns, the free names of free documents, a group's measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from storage.errors import RejectedError
from storage.tables import ColumnType, Table

FREE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fields:
    """Names and their types, where None is any type; without `types` any free name is a field of any type."""

    types: Mapping[str, ColumnType | None] | None

    def type_of(self, name: object) -> ColumnType | None:
        """The type of a field; raises RejectedError when there is none of that name."""
        if not isinstance(name, str):
            raise RejectedError(f"a field is named by text, not by {_shown(name)}")
        if self.types is None:
            return _free_type(name)
        if name not in self.types:
            raise RejectedError(f"there is no field {name[:80]!r}; known are {', '.join(self.types)}")
        return self.types[name]

    def value_type_of(self, name: object) -> ColumnType | None:
        """The type of a field whose values compare; raises RejectedError for lists of levels too."""
        type = self.type_of(name)
        if type is ColumnType.LEVELS:
            raise RejectedError(f"{name} holds levels: it can be kept or asked for with $exists, not compared")
        return type

    def only(self, names: Iterable[str]) -> Fields:
        """These fields and no others."""
        return Fields({name: self.type_of(name) for name in names})


def fields_of(table: Table | None) -> Fields:
    """The fields of a table's documents; no table is a collection of free documents."""
    if table is None:
        return Fields(None)
    return Fields({"_id": ColumnType.TEXT} | {column.name: column.type for column in table.columns})


def check_free_name(name: object) -> str:
    """The same name; raises RejectedError for one that is not made of letters, digits and underscores."""
    if not isinstance(name, str) or not FREE_NAME.fullmatch(name):
        raise RejectedError(f"{_shown(name)} is no name of a field: letters, digits and _, at most 120")
    return name


def _free_type(name: str) -> ColumnType | None:
    check_free_name(name)
    return ColumnType.TEXT if name == "_id" else None


def _shown(value: object) -> str:
    return repr(value[:80]) if isinstance(value, str) else type(value).__name__
