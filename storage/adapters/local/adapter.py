"""The local store: files of market data and an SQLite manifest in one folder, no server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from storage.adapters.base import BaseAdapter, Capability, Change, Document, Query, Rows
from storage.adapters.local import free, letters
from storage.adapters.local.answers import answer, paged
from storage.adapters.local.compaction import Compaction, Sizes
from storage.adapters.local.conditions import span_of
from storage.adapters.local.database import Database
from storage.adapters.local.edits import Edit, removing, setting
from storage.adapters.local.errors import translated
from storage.adapters.local.files import Files, bytes_below, make_folder, sync_folder
from storage.adapters.local.formats import FormatName, format_named
from storage.adapters.local.free import FreeDocuments
from storage.adapters.local.letters import LocalConflicts, LocalDeadLetters
from storage.adapters.local.lock import WriterLock
from storage.adapters.local.manifest import Manifest
from storage.adapters.local.packing import PACKS
from storage.adapters.local.parquet import documents, pages
from storage.adapters.local.reader import EVERYTHING, Reader, Span
from storage.adapters.local.writer import Writer
from storage.adapters.requests import check_free, check_limit, check_range, question_asked, table_asked
from storage.errors import OperatorError, RejectedError, UnavailableError
from storage.observer import AdapterMetrics
from storage.outcomes import Result
from storage.packed import Item
from storage.queries import (
    Filter,
    Pipeline,
    check_documents,
    parse_changes,
    parse_filter,
    parse_find,
    parse_pipeline,
    run,
)
from storage.tables import Table
from storage.times import EPOCH

T = TypeVar("T")

PAGE = 1000
THREADS = 8
DEFAULT_SIZES = Sizes()


class LocalAdapter(BaseAdapter):
    """Collections as folders of files below `base_path`/market, letters and free documents in SQLite beside it.

    New files are Parquet, or with `format="json"` JSON lines; a store may hold both.

    One process writes: a second one gets an OperatorError from `connect`. With `read_only` there is no
    lock and nothing is made or changed but letters; it works beside the writer and sees whole batches.
    What `put` returned is synced. Every outcome is exact, however old the key is.
    """

    capabilities = frozenset(Capability)
    packs = PACKS

    def __init__(
        self,
        base_path: Path | str,
        *,
        max_collections: int = 5000,
        read_only: bool = False,
        sizes: Sizes = DEFAULT_SIZES,
        format: FormatName = "parquet",
    ) -> None:
        self.base_path = Path(base_path)
        self.read_only = read_only
        self._manifest = Manifest(self.base_path / "manifest.sqlite")
        self._files = Files(self.base_path / "market", format_named(format))
        self._reader = Reader(self._files, self._manifest)
        self._writer = Writer(self._files, self._manifest, self._reader, max_collections=max_collections, sizes=sizes)
        self._letters = Database(self.base_path / "letters.sqlite", letters.SCHEMA)
        self._documents = Database(self.base_path / "documents.sqlite", free.SCHEMA)
        self._free = FreeDocuments(self._documents)
        self._threads: ThreadPoolExecutor | None = None
        self._open = ExitStack()
        self.dead_letters = LocalDeadLetters(self._letters, self._run)
        self.conflicts = LocalConflicts(self._letters, self._run)

    async def connect(self) -> None:
        """Open the folder, and make it unless `read_only`; raises OperatorError when another process writes there."""
        if self._threads is None:
            await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        with translated(self.base_path), ExitStack() as opening:
            if self.read_only:
                self._open_for_reading(opening)
            else:
                self._open_for_writing(opening)
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="local-store")
            self._open = opening.pop_all()

    def _open_for_reading(self, opening: ExitStack) -> None:
        if not self._manifest.path.exists():
            raise OperatorError(f"there is no store in {self.base_path}", fix="set LOCAL_PATH to the folder of one")
        opening.callback(self._manifest.close)
        self._manifest.open(read_only=True)
        opening.callback(self._letters.close)
        self._letters.open(make=False)
        if self._documents.path.exists():
            opening.callback(self._documents.close)
            self._documents.open(make=False)

    def _open_for_writing(self, opening: ExitStack) -> None:
        make_folder(self._files.folder)
        lock = WriterLock(self.base_path / "writer.lock")
        lock.take()
        opening.callback(lock.release)
        if not self._manifest.path.exists() and self._files.any():
            raise OperatorError(
                f"{self.base_path} has files of market data and no manifest that says which of them count",
                fix="restore manifest.sqlite from a backup, or set LOCAL_PATH to another folder",
            )
        opening.callback(self._manifest.close)
        self._manifest.open()
        opening.callback(self._letters.close)
        self._letters.open()
        opening.callback(self._documents.close)
        self._documents.open()
        sync_folder(self.base_path)
        self._writer.open()

    async def disconnect(self) -> None:
        """Wait for writes that are under way, close the files, let the next writer in; safe to call twice."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(self._close, threads)

    def _close(self, threads: ThreadPoolExecutor) -> None:
        threads.shutdown()
        with translated(self.base_path):
            self._open.close()

    async def ping(self) -> None:
        """See that the manifest answers."""
        await self._run(self._manifest.ping)

    async def _put(self, table: Table, collection: str, records: Sequence[Item]) -> Sequence[Result]:
        self._refuse_to_write()
        return await self._run(partial(self._writer.put, table, collection, records))

    def query_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> Rows:
        """The documents from `start` (inclusive) to `end` (exclusive), ascending in time, streamed."""
        table_asked(collection)
        return Rows(self._stream(pages(self._reader.rows(collection, _span(start, end, symbol)), PAGE)))

    async def _stream(self, lists: Iterator[list[Document]]) -> AsyncIterator[Document]:
        while page := await self._run(partial(next, lists, None)):
            for document in page:
                yield document

    async def query_latest(self, collection: str, symbol: str | None = None, limit: int = 1) -> list[Document]:
        """The newest documents, newest first."""
        table_asked(collection)
        check_limit(limit)
        return await self._run(partial(self._latest, collection, symbol, limit))

    def _latest(self, collection: str, symbol: str | None, limit: int) -> list[Document]:
        rows = self._reader.latest(collection, limit, symbol)
        return [] if rows is None else documents(rows)[::-1]

    async def get_record_count(
        self,
        collection: str,
        start: datetime | None = None,
        end: datetime | None = None,
        symbol: str | None = None,
    ) -> int:
        """How many documents stand in the range."""
        table_asked(collection)
        return await self._run(partial(self._reader.count, collection, _span(start, end, symbol)))

    async def ensure_indexes(self, collection: str) -> None:
        """Nothing to make: the manifest knows the times of each file."""
        table_asked(collection)

    async def delete_range(self, collection: str, start: datetime, end: datetime, symbol: str | None = None) -> int:
        """Remove the documents of the range, all at once; returns how many there were."""
        self._refuse_to_write()
        table_asked(collection)
        return await self._run(partial(self._writer.delete, collection, _span(start, end, symbol)))

    def find(
        self,
        collection: str,
        filter: Query | None = None,
        *,
        projection: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> Rows:
        """The documents that match, streamed."""
        return self._answer(collection, parse_find(question_asked(collection), filter, projection, sort, limit))

    def aggregate(self, collection: str, pipeline: Sequence[Query]) -> Rows:
        """The documents that the stages make of a collection."""
        return self._answer(collection, parse_pipeline(question_asked(collection), pipeline))

    def _answer(self, collection: str, pipeline: Pipeline) -> Rows:
        if question_asked(collection) is None:
            return Rows(self._stream(paged(run(pipeline, self._free.all(collection)))))
        return Rows(self._stream(answer(self._reader, collection, pipeline)))

    async def update(self, collection: str, filter: Query, changes: Mapping[str, Any]) -> int:
        """Set fields of the documents that match, all at once; returns how many changed."""
        table = table_asked(collection)
        where = parse_filter(table, filter)
        return await self._edit(collection, where, setting(table, where, parse_changes(table, changes)))

    async def delete(self, collection: str, filter: Query) -> int:
        """Remove the documents that match, all at once; returns how many there were."""
        table = question_asked(collection)
        where = parse_filter(table, filter)
        if table is not None:
            return await self._edit(collection, where, removing(where))
        self._refuse_to_write()
        return await self._run(partial(self._free.delete, collection, where))

    async def _edit(self, collection: str, where: Filter, edit: Edit) -> int:
        self._refuse_to_write()
        return await self._run(partial(self._writer.edit, collection, span_of(where), edit))

    async def replace(
        self, collection: str, documents: Sequence[Document], *, dry_run: bool = False
    ) -> Sequence[Change]:
        """Write free documents by `_id`, all or none, and say what that changed of each."""
        check_free(collection)
        self._refuse_to_write()
        checked = check_documents(documents)
        return await self._run(partial(self._free.replace, collection, checked, dry_run=dry_run))

    async def metrics(self) -> AdapterMetrics:
        """The bytes of all files of the store."""
        return AdapterMetrics(data_bytes=await self._run(partial(bytes_below, self.base_path)))

    async def list_collections(self) -> list[str]:
        """The names of the collections that hold market data, sorted."""
        return await self._run(self._manifest.collections)

    async def compact(self, collection: str | None = None) -> Compaction:
        """Merge the files of one collection, or of all, into few large ones; readers and writers go on."""
        self._refuse_to_write()
        names = await self.list_collections() if collection is None else [collection]
        return sum([await self._run(partial(self._writer.compact, name)) for name in names], Compaction())

    def _refuse_to_write(self) -> None:
        if self.read_only:
            raise RejectedError(f"{self.base_path} was opened for reading only")

    async def _run(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread; once begun it ends, also when the caller is cancelled."""
        if self._threads is None:
            raise UnavailableError(f"{self.base_path} is not connected")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._translated, work)

    def _translated(self, work: Callable[[], T]) -> T:
        with translated(self.base_path):
            return work()


def _span(start: datetime | None, end: datetime | None, symbol: str | None) -> Span:
    check_range(start, end)
    first = EVERYTHING.first if start is None else _ms_from(start)
    last = EVERYTHING.last if end is None else _ms_from(end) - 1
    return Span(first, last, symbol)


def _ms_from(time: datetime) -> int:
    """The first whole millisecond that is not before this time."""
    return -((EPOCH - time) // timedelta(milliseconds=1))
