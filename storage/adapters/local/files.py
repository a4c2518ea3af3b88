"""The Parquet files of the local store: written whole or not at all, read in part."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.adapters.local.errors import FileGone, damaged
from storage.adapters.local.manifest import File
from storage.adapters.local.parquet import SCHEMA_VERSION, between, position_of, range_of, schema_of
from storage.adapters.local.recent import Recent
from storage.errors import OperatorError
from storage.tables import ColumnType, Table, table_of_collection
from storage.times import to_ms

ROW_GROUP = 16_384
_OURS = re.compile(r"-?\d+-[0-9a-f]{32}\.parquet(\.tmp)?")
_DELTAS = {ColumnType.INT: "DELTA_BINARY_PACKED", ColumnType.TIME: "DELTA_BINARY_PACKED"}


class Files:
    """One folder for each collection below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._recent = Recent()

    def path(self, file: File) -> Path:
        """Where the file stands."""
        return self.folder / file.collection / file.name

    def write(self, collection: str, rows: pa.Table) -> File:
        """Write rows into a new file, synced; it counts once the manifest lists it. Raises OSError."""
        table = table_of_collection(collection)
        first_time, last_time = range_of(rows, "timestamp")
        name = f"{first_time}-{uuid.uuid4().hex}.parquet"
        positions = range_of(rows, position_of(table))
        file = File(collection, name, rows.num_rows, rows.nbytes, first_time, last_time, *positions)
        self._place(self.path(file), _parquet(table, rows))
        self._recent.keep(file, rows)
        return file

    def _place(self, path: Path, data: pa.Buffer) -> None:
        make_folder(path.parent)
        temporary = path.with_name(f"{path.name}.tmp")
        try:
            with temporary.open("wb", buffering=0) as stream:
                write_all(stream.fileno(), data)
                os.fsync(stream.fileno())
            temporary.rename(path)
            sync_folder(path.parent)
        except OSError:
            remove(temporary)
            remove(path)
            raise

    def read(
        self, file: File, columns: Sequence[str] | None = None, within: tuple[str, int, int] | None = None
    ) -> pa.Table:
        """The rows, or those whose column (an integer or a time in ms, which is read too) is in a range.

        Raises FileGone when the file was replaced meanwhile.
        """
        if not self._recent.wants(file):
            return self._load(file, columns, within)
        rows = self._recent.get(file)
        if rows is None:
            rows = self._load(file)
            self._recent.keep(file, rows)
        return _selected(rows, columns, within)

    def _load(
        self, file: File, columns: Sequence[str] | None = None, within: tuple[str, int, int] | None = None
    ) -> pa.Table:
        try:
            with pa.OSFile(str(self.path(file))) as source, _opened(source) as parquet:
                _check_version(parquet.schema_arrow.metadata or {})
                wanted = _needed(file.table, columns, within)
                groups = list(_groups(parquet, within))
                rows = parquet.read_row_groups(groups, wanted, use_threads=False)
        except FileNotFoundError as error:
            raise FileGone(file) from error
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise damaged(self.path(file), error) from error
        return _selected(_complete(rows, file.table, wanted), columns, within)

    def remove(self, files: Iterable[File]) -> None:
        """Remove files that the manifest no longer lists."""
        for file in files:
            self._recent.drop(file)
            remove(self.path(file))

    def collections(self) -> list[str]:
        """The folders that are there."""
        return sorted(entry.name for entry in self.folder.iterdir() if entry.is_dir())

    def sweep(self, collection: str, listed: Collection[str]) -> None:
        """Remove what a crash left behind: our files that are not listed."""
        for path in list(self._ours(collection)):
            if path.name not in listed:
                path.unlink(missing_ok=True)

    def any(self) -> bool:
        """Whether there is any file of ours."""
        return any(True for collection in self.collections() for _ in self._ours(collection))

    def _ours(self, collection: str) -> Iterator[Path]:
        return (path for path in (self.folder / collection).iterdir() if _OURS.fullmatch(path.name))


def _parquet(table: Table, rows: pa.Table) -> pa.Buffer:
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


def _leaves(schema: pa.Schema) -> Iterator[str]:
    for field in schema:
        if pa.types.is_list(field.type):
            yield from (f"{field.name}.list.element.{part.name}" for part in field.type.value_type)
        else:
            yield field.name


def _opened(source: pa.NativeFile) -> pq.ParquetFile:
    return pq.ParquetFile(source, page_checksum_verification=True)


def _needed(table: Table, columns: Sequence[str] | None, within: tuple[str, int, int] | None) -> list[str]:
    names: list[str] = schema_of(table).names
    return [name for name in names if columns is None or name in columns or (within and name == within[0])]


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


def _selected(rows: pa.Table, columns: Sequence[str] | None, within: tuple[str, int, int] | None) -> pa.Table:
    rows = rows if within is None else between(rows, *within)
    return rows if columns is None else rows.select([name for name in rows.column_names if name in columns])


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


def write_all(descriptor: int, data: pa.Buffer) -> None:
    """Write every byte; a disk that fills up takes a part and then raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably."""
    if not folder.exists():
        make_folder(folder.absolute().parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.absolute().parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file that nobody counts on; what cannot be removed now is swept at the next start."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
