"""The connection to MongoDB: what is bounded, and what is forced whatever the connection string says."""

from __future__ import annotations

import inspect
from typing import Any, Literal

from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from storage.adapters.mongodb.documents import CODEC
from storage.errors import OperatorError, UnavailableError

Driver = Literal["pymongo", "motor"]
Database = AsyncDatabase[dict[str, Any]]
"""Motor's database has the same methods."""

DURABLE = WriteConcern("majority", wtimeout=8_000, j=True)
_BOUNDS: dict[str, Any] = {
    "appname": "tapestore",
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 3_000,
    "socketTimeoutMS": 10_000,  # longer than the write concern waits, short enough to heal within 15 s
    "waitQueueTimeoutMS": 10_000,
}


class Connection:
    """A client and its database, from `open` to `close`.

    Writes are majority-acknowledged and journaled, reads see only what a majority has. Pool size,
    compressors and TLS are those of the connection string.
    """

    def __init__(self, connection_string: str, database: str, driver: Driver) -> None:
        self._connection_string = connection_string
        self._name = database
        self._driver = driver
        self._client: AsyncMongoClient[dict[str, Any]] | None = None
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        """The open database; raises UnavailableError when there is none."""
        if self._database is None:
            raise UnavailableError("not connected: call connect() first")
        return self._database

    def open(self) -> None:
        """Make a client; it connects when it is used. Raises OperatorError."""
        try:
            self._client = _client_class(self._driver)(self._connection_string, **_BOUNDS)
        except (PyMongoError, ValueError, TypeError) as error:
            # the driver quotes pieces of the connection string, a password among them: nothing of it goes on
            raise OperatorError(
                f"the connection string cannot be used ({type(error).__name__})",
                fix="check MONGODB_URI; special characters in user and password are written as %xx",
            ) from None
        self._database = self._client.get_database(
            self._name,
            codec_options=CODEC,
            read_preference=ReadPreference.PRIMARY,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
        )

    async def close(self) -> None:
        """Let go of the client; safe to call twice."""
        client, self._client, self._database = self._client, None, None
        if client is not None:
            closing: Any = client.close()
            if inspect.isawaitable(closing):  # Motor closes at once
                await closing


async def opened(cursor: Any) -> Any:
    """The cursor of an aggregation: PyMongo's has to be awaited, Motor's not."""
    return await cursor if inspect.isawaitable(cursor) else cursor


def _client_class(driver: Driver) -> Any:
    if driver == "pymongo":
        return AsyncMongoClient
    try:
        from motor.motor_asyncio import AsyncIOMotorClient
    except ImportError:
        raise OperatorError("Motor is not installed", fix="pip install 'tapestore[motor]'") from None
    return AsyncIOMotorClient
