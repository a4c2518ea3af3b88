"""Rows as the bytes of a Parquet file, and back, in part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.adapters.local.schema import SCHEMA_VERSION, schema_of
from storage.errors import OperatorError
from storage.tables import ColumnType, Table
from storage.times import to_ms

ROW_GROUP = 16_384
_DELTAS = {ColumnType.INT: "DELTA_BINARY_PACKED", ColumnType.TIME: "DELTA_BINARY_PACKED"}


class ParquetFormat:
    """Columns, zstd, a checksum for each page."""

    suffix = ".parquet"

    def dump(self, table: Table, rows: pa.Table) -> pa.Buffer:
        """The bytes of a file of these rows."""
        # Keys and counters grow by little from row to row: deltas take a quarter of the bytes.
        encodings = {"_id": "DELTA_BYTE_ARRAY"}
        encodings |= {column.name: _DELTAS[column.type] for column in table.columns if column.type in _DELTAS}
        stream = pa.BufferOutputStream()
        pq.write_table(
            rows,
            stream,
            row_group_size=ROW_GROUP,
            compression="zstd",
            use_dictionary=[path for path in _leaves(rows.schema) if path not in encodings],
            column_encoding=encodings,
            write_page_checksum=True,
        )
        return stream.getvalue()

    def load(self, path: Path, table: Table, names: Sequence[str], within: tuple[str, int, int] | None) -> pa.Table:
        """These columns of the rows of a file; row groups with nothing in the range may be left out."""
        with pa.OSFile(str(path)) as source, _opened(source) as parquet:
            _check_version(parquet.schema_arrow.metadata or {})
            rows = parquet.read_row_groups(list(_groups(parquet, within)), names, use_threads=False)
        return _complete(rows, table, names)


def _leaves(schema: pa.Schema) -> Iterator[str]:
    for field in schema:
        if pa.types.is_list(field.type):
            yield from (f"{field.name}.list.element.{part.name}" for part in field.type.value_type)
        else:
            yield field.name


def _opened(source: pa.NativeFile) -> pq.ParquetFile:
    return pq.ParquetFile(source, page_checksum_verification=True)


def _groups(parquet: pq.ParquetFile, within: tuple[str, int, int] | None) -> Iterable[int]:
    if within is None or parquet.num_row_groups == 1:
        return range(parquet.num_row_groups)
    column, first, last = within
    index = [parquet.schema.column(leaf).path for leaf in range(len(parquet.schema))].index(column)
    return (group for group in range(parquet.num_row_groups) if _touches(parquet, group, index, first, last))


def _touches(parquet: pq.ParquetFile, group: int, column: int, first: int, last: int) -> bool:
    about = parquet.metadata.row_group(group).column(column).statistics
    least, most = (value if isinstance(value, int) else to_ms(value) for value in (about.min, about.max))
    return least <= last and most >= first


def _complete(rows: pa.Table, table: Table, names: Sequence[str]) -> pa.Table:
    """Columns that an older release did not know are absent in its files."""
    schema = schema_of(table)
    if rows.column_names == names:
        return rows
    arrays = [
        rows.column(name) if name in rows.column_names else pa.nulls(rows.num_rows, schema.field(name).type)
        for name in names
    ]
    return pa.table(arrays, schema=pa.schema([schema.field(name) for name in names], schema.metadata))


def _check_version(metadata: dict[bytes, bytes]) -> None:
    version = int(metadata.get(b"tapestore.schema", b"0"))
    if version > SCHEMA_VERSION:
        raise OperatorError(
            f"a file has schema version {version}, known is {SCHEMA_VERSION}",
            fix="install the release that wrote it, or a newer one",
        )
