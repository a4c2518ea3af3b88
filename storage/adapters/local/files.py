"""The files of the local store: written whole or not at all, read in part."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from storage.adapters.local.errors import FileGone, Unreadable, damaged
from storage.adapters.local.formats import Format, format_of
from storage.adapters.local.manifest import File
from storage.adapters.local.parquet import between, position_of, range_of
from storage.adapters.local.recent import Recent
from storage.adapters.local.schema import schema_of
from storage.tables import Table, table_of_collection

_OURS = re.compile(r"-?\d+-[0-9a-f]{32}(\.parquet|\.jsonl\.zst)(\.tmp)?")


class Files:
    """One folder for each collection below `folder`; new files have `format`, old ones the one they have."""

    def __init__(self, folder: Path, format: Format) -> None:
        self.folder = folder
        self._format = format
        self._recent = Recent()

    def path(self, file: File) -> Path:
        """Where the file stands."""
        return self.folder / file.collection / file.name

    def write(self, collection: str, rows: pa.Table) -> File:
        """Write rows into a new file, synced; it counts once the manifest lists it. Raises OSError."""
        table = table_of_collection(collection)
        position, times = position_of(table), range_of(rows, "timestamp")
        positions = times if position == "timestamp" else range_of(rows, position)
        name = f"{times[0]}-{uuid.uuid4().hex}{self._format.suffix}"
        file = File(collection, name, rows.num_rows, rows.nbytes, *times, *positions)
        self._place(self.path(file), self._format.dump(table, rows))
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
        path = self.path(file)
        wanted = _needed(file.table, columns, within)
        try:
            rows = format_of(path).load(path, file.table, wanted, within)
        except FileNotFoundError as error:
            raise FileGone(file) from error
        except (OSError, pa.ArrowException, Unreadable) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise damaged(path, error) from error
        return _selected(rows, columns, within)

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


def _needed(table: Table, columns: Sequence[str] | None, within: tuple[str, int, int] | None) -> list[str]:
    names: list[str] = schema_of(table).names
    return [name for name in names if columns is None or name in columns or (within and name == within[0])]


def _selected(rows: pa.Table, columns: Sequence[str] | None, within: tuple[str, int, int] | None) -> pa.Table:
    rows = rows if within is None else between(rows, *within)
    return rows if columns is None else rows.select([name for name in rows.column_names if name in columns])


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


def bytes_below(folder: Path) -> int:
    """The bytes of all files in a folder and below; files that go meanwhile count nothing."""
    return sum(_bytes(path) for path in folder.rglob("*"))


def _bytes(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size if path.is_file() else 0
    return 0
