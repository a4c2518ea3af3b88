"""Documents as people and programs read them: a table, JSON lines, CSV, Parquet; all but the table are streamed."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO

from consumer.cli.output import OUT, flush, json_line, plain, reader
from consumer.cli.tables import print_table
from storage import Record, Table
from storage.adapters.base import Document

ROW_GROUP = 10_000
"""Rows of a Parquet row group: so many are in memory at the same time."""


class Format(StrEnum):
    """How documents are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


async def write(table: Table, documents: AsyncIterator[Document], form: Format, output: Path | None) -> int:
    """Write documents to a file or to stdout; returns how many there were. Parquet needs a file."""
    if form is Format.TABLE:
        return await _as_table(table, documents)
    if form is Format.PARQUET and output is not None:
        return await _as_parquet(table, documents, output)
    with _text(output) as file:
        line = _LINES[form](table, file)
        return await _each(documents, line)


async def _each(documents: AsyncIterator[Document], write_one: Callable[[Document], object]) -> int:
    count = 0
    async for document in documents:
        write_one(document)
        count += 1
    return count


@contextmanager
def _text(output: Path | None) -> Iterator[IO[str]]:
    if output is not None:
        with output.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    with reader():
        yield OUT.file
    flush()


def _json(_: Table, file: IO[str]) -> Callable[[Document], object]:
    return lambda document: file.write(json_line(document))


def _csv(table: Table, file: IO[str]) -> Callable[[Document], object]:
    columns = ["_id", *(column.name for column in table.columns)]
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(columns)
    return lambda document: rows.writerow([_levels(plain(document.get(name))) for name in columns])


_LINES: Mapping[Format, Callable[[Table, IO[str]], Callable[[Document], object]]] = {
    Format.JSON: _json,
    Format.CSV: _csv,
}


def _levels(value: object) -> object:
    """The levels of a book in one cell: price x quantity."""
    return " ".join(f"{price}x{quantity}" for price, quantity in value) if isinstance(value, list) else value


async def _as_parquet(table: Table, documents: AsyncIterator[Document], output: Path) -> int:
    """As the local store writes it: the same schema, exact decimals."""
    import pyarrow.parquet as pq  # the other formats do without

    from storage.adapters.local.parquet import encode
    from storage.adapters.local.schema import schema_of

    count = 0
    with pq.ParquetWriter(output, schema_of(table), compression="zstd") as file:
        async for page in _pages(table, documents):
            file.write_table(encode(table, page))
            count += len(page)
    return count


async def _pages(table: Table, documents: AsyncIterator[Document]) -> AsyncIterator[list[Record]]:
    page: list[Record] = []
    async for document in documents:
        page.append(table.to_record(document))
        if len(page) == ROW_GROUP:
            yield page
            page = []
    if page:
        yield page


async def _as_table(table: Table, documents: AsyncIterator[Document]) -> int:
    found = [document async for document in documents]
    shown = [column.name for column in table.columns if any(column.name in each for each in found)]
    columns = ["_id", *(name for name in shown if name != "symbol")]  # the same in each, and the `_id` begins with it
    if found:
        print_table(columns, [[_short(each.get(name)) for name in columns] for each in found])
    return len(found)


def _short(value: object) -> object:
    """Levels of a book as a count, for a table is for looking; ids without separators, for they are names."""
    if isinstance(value, list | tuple):
        return f"{len(value)} levels"
    return str(value) if isinstance(value, int) else value
