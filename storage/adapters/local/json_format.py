"""Rows as JSON lines, zstd-compressed, and back: a document a line, decimals as exact text, times as RFC 3339."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import zstandard

from storage.adapters.local.errors import Unreadable
from storage.adapters.local.parquet import documents, rows_of
from storage.records import Level
from storage.tables import ColumnType, Table

_TYPES: Mapping[ColumnType, Any] = {
    ColumnType.TEXT: str,
    ColumnType.INT: int,
    ColumnType.BOOL: bool,
    ColumnType.DECIMAL: Decimal,
    ColumnType.TIME: datetime,
    ColumnType.LEVELS: tuple[Level, ...],
}


class JsonFormat:
    """For whoever reads the files with other tools: `zstdcat *.jsonl.zst`. Larger and slower than Parquet."""

    suffix = ".jsonl.zst"

    def dump(self, table: Table, rows: pa.Table) -> bytes:
        """The bytes of a file of these rows."""
        lines = msgspec.json.Encoder(decimal_format="string").encode_lines(documents(rows))
        return zstandard.ZstdCompressor(write_checksum=True).compress(lines)

    def load(self, path: Path, table: Table, names: Sequence[str], within: tuple[str, int, int] | None) -> pa.Table:
        """These columns of the rows of a file, whatever the range."""
        try:
            lines = zstandard.ZstdDecompressor().decompress(path.read_bytes())
            found = _decoder(table).decode_lines(lines)
            return rows_of(table, [each._id for each in found], found).select(names)
        except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
            raise Unreadable(str(error)) from error


@cache
def _decoder(table: Table) -> msgspec.json.Decoder[Any]:
    needed = [(column.name, _TYPES[column.type]) for column in table.columns if column.required]
    others = [(column.name, _TYPES[column.type] | None, None) for column in table.columns if not column.required]
    line = msgspec.defstruct(
        f"{table.name}_line", [("_id", str), *needed, *others], kw_only=True, gc=False, forbid_unknown_fields=True
    )
    return msgspec.json.Decoder(line)
