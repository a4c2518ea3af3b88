"""A second, plain way to a mongod: to look at what an adapter did, and to make the server fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import AsyncMongoClient

FORGOTTEN_SOCKETS = "ignore:unclosed <socket:ResourceWarning"
"""PyMongo 4.20 leaves a socket to the garbage collector when a client is closed while it reconnects."""


@asynccontextmanager
async def client_of(uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client of its own."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, tz_aware=True)
    try:
        yield client
    finally:
        await client.close()


async def forget(client: AsyncMongoClient[dict[str, Any]], database: str) -> None:
    """Drop what a test left, one by one: dropping a database takes the server a tenth of a second."""
    await client[database].command({"profile": 0})
    for name in await client[database].list_collection_names():
        await client[database].drop_collection(name)


@asynccontextmanager
async def failing(
    client: AsyncMongoClient[dict[str, Any]], namespace: str, commands: list[str], times: int = 1, **fault: Any
) -> AsyncIterator[None]:
    """Make commands on one collection fail the next `times`; other tests on the server do not notice.

    `fault` is `errorCode`, `writeConcernError` or `closeConnection`.
    """
    data = {"failCommands": commands, "namespace": namespace, **fault}
    await client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})
    try:
        yield
    finally:
        await client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
