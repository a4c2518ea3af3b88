"""Answers of the local store to pipelines: what Arrow does well first, the rest as the reference does it.

rows of files ─► those that match ─► sorted ─► documents ─► the other stages ─► pages
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import pyarrow as pa
import pyarrow.compute as pc

from storage.adapters.base import Document
from storage.adapters.local.conditions import columns_needed, matching, span_of
from storage.adapters.local.parquet import pages
from storage.adapters.local.reader import Reader
from storage.errors import UnsupportedQuery
from storage.queries import AllOf, Filter, Limit, Match, Pipeline, Sort, SortKey, run

PAGE = 1000
SORT_BYTES = 256 << 20
"""How much of a sort is in memory at once."""

_ORDER_OF_FILES = (SortKey("timestamp", False), SortKey("_id", False))


def answer(reader: Reader, collection: str, pipeline: Pipeline) -> Iterator[list[Document]]:
    """The documents that the stages make of a collection, in lists of at most a page.

    Raises UnsupportedQuery for a sort of very much without a limit: see `SORT_BYTES` and `storage.queries.run`.
    """
    where, rest = _filter_first(pipeline)
    found = reader.rows(collection, span_of(where), columns_needed(pipeline))
    tables: Iterator[pa.Table] = (matching(where, rows) for rows in found)
    if rest and isinstance(rest[0], Sort):
        keys, rest = rest[0].keys, rest[1:]
        # Rows come in the order of files as it is: that sort streams, however much there is.
        if keys != _ORDER_OF_FILES[: len(keys)]:
            count = rest[0].count if rest and isinstance(rest[0], Limit) else None
            tables = in_order(tables, keys, count)
    return paged(run(rest, chain.from_iterable(pages(tables, PAGE))))


def _filter_first(pipeline: Pipeline) -> tuple[Filter, Pipeline]:
    if pipeline and isinstance(pipeline[0], Match):
        return pipeline[0].filter, pipeline[1:]
    return AllOf(()), pipeline


def paged(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """The same documents in lists of at most a page."""
    while page := list(islice(documents, PAGE)):
        yield page


def in_order(tables: Iterable[pa.Table], keys: Sequence[SortKey], count: int | None) -> Iterator[pa.Table]:
    """The rows sorted, or the first `count` of them; raises UnsupportedQuery when they are more than memory is for."""
    gathered: list[pa.Table] = []
    for rows in tables:
        gathered.append(rows)
        if sum(each.nbytes for each in gathered) > SORT_BYTES:
            gathered = [_first(gathered, keys, count)]
    if gathered:
        yield _sorted(gathered, keys)


def _first(gathered: Sequence[pa.Table], keys: Sequence[SortKey], count: int | None) -> pa.Table:
    first = _sorted(gathered, keys).slice(0, count)
    if count is None or first.nbytes > SORT_BYTES // 2:
        raise UnsupportedQuery(
            f"a sort of more than {SORT_BYTES >> 20} MiB of rows: sort by timestamp, or give a smaller range or limit"
        )
    return first


def _sorted(tables: Sequence[pa.Table], keys: Sequence[SortKey]) -> pa.Table:
    rows = pa.concat_tables(tables)
    return rows.take(pc.sort_indices(pa.table(dict(_ranks(rows, keys))), sort_keys=list(_order(keys))))


def _ranks(rows: pa.Table, keys: Sequence[SortKey]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """Two columns a key: whether a value is there, which comes first, and the value."""
    for key in keys:
        column = rows.column(key.field)
        yield f"{key.field} is there", pc.is_valid(column).cast(pa.int8())
        yield key.field, column


def _order(keys: Sequence[SortKey]) -> Iterator[tuple[str, str]]:
    for key in keys:
        order = "descending" if key.descending else "ascending"
        yield f"{key.field} is there", order
        yield key.field, order
