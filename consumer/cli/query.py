"""`tapestore query`: read what is stored."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
import typer

from consumer.cli.exits import UsageError
from consumer.cli.output import ERR, OUT, plain, print_json_line, print_table
from consumer.cli.start import settings
from consumer.stores import store_of
from storage import TABLES, Record, Table
from storage.adapters.base import BaseAdapter, Document
from storage.adapters.local.parquet import encode, schema_of
from storage.times import EPOCH, FOREVER

SHOWN = 20
"""Rows of a table where no limit is given: a screen, not a flood."""
PAGE = 10_000
"""Rows of a Parquet row group."""


class Format(StrEnum):
    """How documents are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def query(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(TABLES)}.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTCUSDT.")],
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="Of candles, such as 1m.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="From here on, ISO 8601, UTC unless it says.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Up to here, exclusive.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    latest: Annotated[
        int | None, typer.Option("--latest", metavar="N", min=1, help="The newest N, newest first.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="json is one document a line.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file; parquet needs it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Read documents of one kind and symbol, ascending in time.

    tapestore query trades BTCUSDT --limit 5
    tapestore query candles BTCUSDT --timeframe 1m --start 2026-01-01 --end 2026-01-02 --format csv
    tapestore query depth BTCUSDT --latest 1 --json
    """
    table, collection = _collection(kind, symbol, timeframe)
    if latest is not None and (start or end or limit):
        raise UsageError("--latest goes without --start, --end and --limit")
    form = Format.JSON if as_json else form
    if form is Format.PARQUET and output is None:
        raise UsageError("--format parquet needs --output FILE")
    limit = SHOWN if form is Format.TABLE and limit is None and latest is None else limit
    asked = _Question(collection, _time(start, EPOCH), _time(end, FOREVER), limit, latest)
    asyncio.run(_write(table, asked, form, output))


class _Question:
    """A range of one collection, or its newest documents."""

    def __init__(self, collection: str, start: datetime, end: datetime, limit: int | None, latest: int | None) -> None:
        self.collection, self.start, self.end, self.limit, self.latest = collection, start, end, limit, latest

    async def ask(self, store: BaseAdapter) -> AsyncIterator[Document]:
        """The documents, streamed."""
        if self.latest is not None:
            for document in await store.query_latest(self.collection, limit=self.latest):
                yield document
            return
        count = 0
        async for document in store.query_range(self.collection, self.start, self.end):
            yield document
            count += 1
            if count == self.limit:
                return


def _collection(kind: str, symbol: str, timeframe: str | None) -> tuple[Table, str]:
    table = TABLES.get(kind)
    if table is None:
        raise UsageError(f"no kind is called {kind!r}; known are {', '.join(TABLES)}")
    try:
        return table, table.collection_of(symbol.upper(), timeframe)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _time(text: str | None, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no ISO 8601 time, such as 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


async def _write(table: Table, asked: _Question, form: Format, output: Path | None) -> None:
    async with store_of(settings(), read_only=True) as store:
        documents = asked.ask(store)
        match form:
            case Format.TABLE:
                await _as_table(table, asked, documents)
            case Format.PARQUET if output is not None:
                await _as_parquet(table, documents, output)
            case _:
                await _as_text(table, documents, form, output)


async def _as_table(table: Table, asked: _Question, documents: AsyncIterator[Document]) -> None:
    found = [document async for document in documents]
    columns = ["_id", *(column.name for column in table.columns if any(column.name in each for each in found))]
    if not found:
        ERR.print(f"Nothing there: {asked.collection} holds no document of that range.", highlight=False)
        return
    print_table(asked.collection, columns, [[_short(each.get(name)) for name in columns] for each in found])
    if asked.latest is None and len(found) == asked.limit:
        OUT.print(f"The first {len(found)}; --limit and --start show others.", highlight=False)


def _short(value: object) -> object:
    """Levels of a book as a count, for a table is for looking; ids without separators, for they are names."""
    if isinstance(value, list | tuple):
        return f"{len(value)} levels"
    return str(value) if isinstance(value, int) else value


async def _as_text(table: Table, documents: AsyncIterator[Document], form: Format, output: Path | None) -> None:
    if output is not None:
        OUT.file = output.open("w", encoding="utf-8", newline="")
    rows = csv.writer(OUT.file, lineterminator="\n")
    columns = ["_id", *(column.name for column in table.columns)]
    if form is Format.CSV:
        rows.writerow(columns)
    async for document in documents:
        if form is Format.JSON:
            print_json_line(document)
        else:
            rows.writerow([_cell(document.get(name)) for name in columns])
    OUT.file.flush()


def _cell(value: object) -> object:
    value = plain(value)
    return " ".join(f"{price}x{quantity}" for price, quantity in value) if isinstance(value, list) else value


async def _as_parquet(table: Table, documents: AsyncIterator[Document], output: Path) -> None:
    with pq.ParquetWriter(output, schema_of(table), compression="zstd") as writer:
        page: list[Record] = []
        async for document in documents:
            page.append(table.to_record(document))
            if len(page) == PAGE:
                writer.write_table(encode(table, page))
                page.clear()
        if page:
            writer.write_table(encode(table, page))
