"""`tapestore query`: read what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from config import Settings
from consumer.cli.documents import Format, write
from consumer.cli.exits import UsageError
from consumer.cli.output import note, plain
from consumer.cli.start import settings
from consumer.stores import store_of
from storage import TABLES, Table
from storage.adapters.base import BaseAdapter, Document
from storage.times import EPOCH, FOREVER

SHOWN = 20
"""Rows of a table where no limit is given: a screen, not a flood."""


@dataclass(frozen=True)
class Question:
    """A range of one collection, or its newest documents."""

    collection: str
    start: datetime
    end: datetime
    limit: int | None
    latest: int | None

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


def query(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(TABLES)}.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTCUSDT; lower case is fine.")],
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="Of candles, such as 1m; 1M is a month.")] = None,
    start: Annotated[str | None, typer.Option("--start", help="From here on: ISO 8601, UTC unless it says.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Up to here, exclusive.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help=f"At most so many; of a table {SHOWN}.")] = None,
    latest: Annotated[
        int | None, typer.Option("--latest", metavar="N", min=1, help="The newest N, newest first.")
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="json is one document a line, numbers as exact text.")
    ] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file; parquet needs one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Read the documents of one kind and symbol, ascending in time.

    \b
    Examples:
      tapestore query trades BTCUSDT --latest 5
      tapestore query depth BTCUSDT --limit 1 --json
      tapestore query candles BTCUSDT --timeframe 1m --start 2026-01-31T12:00:00Z --format csv
      tapestore query trades BTCUSDT --end 2026-02-01 --format parquet -o january.parquet
    """
    form = Format.JSON if as_json else form
    if latest is not None and (start or end or limit):
        raise UsageError("--latest goes without --start, --end and --limit")
    _check_output(form, output)
    table, collection = _collection(kind, symbol, timeframe)
    limit = SHOWN if form is Format.TABLE and limit is None else limit
    asked = Question(collection, *_range(start, end), limit, latest)
    asyncio.run(_answer(settings(), table, asked, form, output))


def _check_output(form: Format, output: Path | None) -> None:
    if form is Format.PARQUET and output is None:
        raise UsageError("--format parquet needs --output FILE")
    if form is Format.TABLE and output is not None:
        raise UsageError("a table is for looking: give --output a --format of json, csv or parquet")
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise UsageError(f"--output {output} is no place for a file")


def _collection(kind: str, symbol: str, timeframe: str | None) -> tuple[Table, str]:
    table = TABLES.get(kind.lower().replace("-", "_"))
    if table is None:
        raise UsageError(f"no kind is called {kind!r}; known are {', '.join(TABLES)}")
    if timeframe is not None and not table.has_timeframe:
        raise UsageError(f"{table.name} have no timeframe")
    if timeframe is None and table.has_timeframe:
        raise UsageError(f"{table.name} need a --timeframe such as 1m or 4h")
    try:
        return table, table.collection_of(symbol.upper(), timeframe)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _range(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    first, last = _time(start, EPOCH), _time(end, FOREVER)
    if first >= last:
        raise UsageError(f"--end must be after --start, and {plain(last)} is not after {plain(first)}")
    return first, last


def _time(text: str | None, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no ISO 8601 time, such as 2026-01-31 or 2026-01-31T12:00:00Z") from None


async def _answer(loaded: Settings, table: Table, asked: Question, form: Format, output: Path | None) -> None:
    async with store_of(loaded, read_only=True) as store:
        count = await write(table, asked.ask(store), form, output)
        if not count:
            note(await _nothing(store, asked))
        elif form is Format.TABLE and count == asked.limit and asked.latest is None:
            note(f"The first {count}; --limit, --start and --latest show others.")


async def _nothing(store: BaseAdapter, asked: Question) -> str:
    collections = await store.list_collections()
    if asked.collection in collections:
        return f"Nothing there: {asked.collection} holds no document of that range."
    others = f"such as {collections[0]}" if collections else "for nothing is stored yet"
    return f"Nothing there: no {asked.collection} among the {len(collections)} collections, {others}."
