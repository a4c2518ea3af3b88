"""The documents of one collection as files that any tool opens: JSON and Parquet, each whole or not there."""

from __future__ import annotations

import json
import os
import uuid
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.adapters.local.errors import translated
from storage.adapters.local.files import make_folder, remove, sync_folder, write_all


def write_views(folder: Path, collection: str, documents: Sequence[Mapping[str, Any]]) -> None:
    """Write `{collection}.json` and `{collection}.parquet`; readers see the old file or the new one.

    In Parquet what holds other values, and a column of values of several types, is JSON text.
    Raises OperatorError or TransientError of the disk.
    """
    with translated(folder):
        make_folder(folder)
        _place(folder / f"{collection}.json", _json(documents))
        _place(folder / f"{collection}.parquet", _parquet(documents))


def _place(path: Path, data: pa.Buffer) -> None:
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb", buffering=0) as stream:
            write_all(stream.fileno(), data)
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError:
        remove(temporary)
        raise


def _json(documents: Sequence[Mapping[str, Any]]) -> pa.Buffer:
    lines = ",\n".join(_text(document) for document in documents)
    return pa.py_buffer(f"[\n{lines}\n]\n".encode() if documents else b"[]\n")


def _parquet(documents: Sequence[Mapping[str, Any]]) -> pa.Buffer:
    names = list(dict.fromkeys(name for document in documents for name in document)) or ["_id"]
    columns = {name: _column([document.get(name) for document in documents]) for name in names}
    stream = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), stream, compression="zstd")
    return stream.getvalue()


def _column(values: Sequence[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and not kinds & {dict, list}:
        return pa.array(values)
    if kinds == {int, float}:
        return pa.array(values, pa.float64())
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no JSON")
