"""Makes commands of a mongod fail or wait, for one collection or for the service alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient

UNKNOWN = {"errorCode": 424_242}
"""No such error exists: pymongo does not try it again by itself."""


@contextmanager
def failing(told: Mapping[str, str], collection: str, *commands: str, times: int = 0, **fault: Any) -> Iterator[None]:
    """These commands (insert, update, find…) on a collection fail `times`, 0 is always, while the context lasts.

    Without a collection those of every client that calls itself tapestore do.
    `fault` is `errorCode`, `writeConcernError`, `closeConnection`, or `blockConnection` with `blockTimeMS`.
    """
    whose = {"namespace": f"{told['MONGODB_DB']}.{collection}"} if collection else {"appName": "tapestore"}
    data = {"failCommands": list(commands), **whose, **(fault or UNKNOWN)}
    with MongoClient[dict[str, Any]](told["MONGODB_URI"]) as client:
        mode = {"times": times} if times else "alwaysOn"
        client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
        try:
            yield
        finally:
            client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
