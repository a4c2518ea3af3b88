"""What files of market data are made of; a store may hold files of several formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

from storage.adapters.local.json_format import JsonFormat
from storage.adapters.local.parquet_format import ParquetFormat
from storage.tables import Table

FormatName = Literal["parquet", "json"]


class Format(Protocol):
    """How rows become a file, and come back."""

    suffix: str

    def dump(self, table: Table, rows: pa.Table) -> Any:
        """The bytes of a file of these rows."""
        ...

    def load(self, path: Path, table: Table, names: Sequence[str], within: tuple[str, int, int] | None) -> pa.Table:
        """These columns of the rows of a file, at least of those whose column is in the range.

        Raises OSError, pa.ArrowException or Unreadable for bytes that are not those that were written.
        """
        ...


FORMATS: Mapping[str, Format] = {"parquet": ParquetFormat(), "json": JsonFormat()}


def format_named(name: str) -> Format:
    """The format of that name; raises ValueError that names the known ones."""
    if name not in FORMATS:
        raise ValueError(f"there is no format {name!r}; known are {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format of a file."""
    return next(format for format in FORMATS.values() if path.name.endswith(format.suffix))
