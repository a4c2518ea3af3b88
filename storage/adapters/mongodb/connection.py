"""The connection to MongoDB: what is bounded, and what is forced whatever the connection string says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from storage.adapters.mongodb.documents import CODEC
from storage.adapters.mongodb.handshake import refusal
from storage.adapters.mongodb.monitoring import Call, Listener, at_once
from storage.adapters.mongodb.options import ClientOptions
from storage.errors import OperatorError, UnavailableError
from storage.observer import Observer, PoolUse

Driver = Literal["pymongo", "motor"]
Database = AsyncDatabase[dict[str, Any]]
"""Motor's database has the same methods."""

DURABLE = WriteConcern("majority", wtimeout=8_000, j=True)
_BOUNDS: Mapping[str, Any] = {
    "appname": "tapestore",
    "serverSelectionTimeoutMS": 3_000,
    "connectTimeoutMS": 3_000,
    "heartbeatFrequencyMS": 5_000,  # with the time to connect: when a server that says nothing is given up
    "socketTimeoutMS": 10_000,  # longer than the write concern waits, short enough to heal within 15 s
}


class Connection:
    """A client and its database, from `open` to `close`.

    Writes are majority-acknowledged and journaled, reads see only what a majority has. `observer` is asked
    for whenever the client has something to tell.
    """

    def __init__(
        self,
        connection_string: str,
        database: str,
        driver: Driver,
        options: ClientOptions,
        observer: Callable[[], Observer],
    ) -> None:
        self._connection_string = connection_string
        self._name = database
        self._driver = driver
        self._options = options
        self._observer = observer
        self._listener = Listener(observer)
        self._client: AsyncMongoClient[dict[str, Any]] | None = None
        self._database: Database | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def database(self) -> Database:
        """The open database; raises UnavailableError when there is none."""
        if self._database is None:
            raise UnavailableError("not connected: call connect() first")
        if self._listener.unauthorized:
            self._begin_anew()
        return self._database

    @property
    def pool(self) -> PoolUse:
        """The connections now, and how many there may be."""
        if self._client is None:
            return PoolUse()
        return self._listener.pool(self._own_client.options.pool_options.max_pool_size)

    def open(self) -> None:
        """Make a client; it connects when it is used. Raises OperatorError."""
        listener = Listener(self._observer, _caller(self._driver))
        options = {**_BOUNDS, **self._options.words(self._connection_string), "event_listeners": [listener]}
        try:
            self._client = _client_class(self._driver)(self._connection_string, **options)
        except (PyMongoError, ValueError, TypeError, OSError) as error:
            # the driver quotes pieces of the connection string, a password among them: nothing of it goes on
            raise OperatorError(
                f"the connection string or the TLS files cannot be used ({type(error).__name__})",
                fix=f"check MONGODB_URI; special characters in user and password are written as %xx{self._files()}",
            ) from None
        self._listener = listener
        self._database = self._client.get_database(
            self._name,
            codec_options=CODEC,
            read_preference=ReadPreference.PRIMARY,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
        )

    async def refusal(self) -> OperatorError | None:
        """Why the servers close our connections, where the settings ask for TLS and one of them refuses us."""
        context = self._options.tls_context()
        if context is None or self._client is None:
            return None
        for host, port in self._own_client.topology_description.server_descriptions():
            if found := await refusal(host, port or 27017, context):
                return found
        return None

    async def risks(self) -> list[str]:
        """How a majority-acknowledged write may be lost all the same."""
        hello = await self.database.command("hello")
        if hello.get("msg") == "isdbgrid":  # a router knows nothing of the disks behind it
            return []
        if len(hello.get("hosts", ())) > 1:
            return []
        alone = "the replica set has one member" if "setName" in hello else "mongod is standalone"
        return [f"{alone}: what it has acknowledged is on one disk only; make it a replica set of three"]

    async def close(self) -> None:
        """Let go of the client; safe to call twice."""
        client, self._client, self._database = self._client, None, None
        await asyncio.gather(_close(client), *self._closing)

    def _begin_anew(self) -> None:
        """A user who was removed and made again is a stranger on the connections of before: let go of them."""
        before = self._client
        self.open()  # first: where TLS files are just being replaced it raises, and whoever asks next tries again
        closing = asyncio.create_task(_close(before))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    @property
    def _own_client(self) -> Any:
        """The driver's own client: Motor's wraps PyMongo's."""
        client: Any = self._client
        return client.delegate if self._driver == "motor" else client

    def _files(self) -> str:
        names = ", ".join(self._options.files())
        return f"; check that {names} can be read and hold what they should" if names else ""


async def _close(client: Any) -> None:
    if client is not None:
        closing = client.close()
        if inspect.isawaitable(closing):  # Motor closes at once
            await closing


async def opened(cursor: Any) -> Any:
    """The cursor of an aggregation: PyMongo's has to be awaited, Motor's not."""
    return await cursor if inspect.isawaitable(cursor) else cursor


def _caller(driver: Driver) -> Call:
    """How a listener reaches the event loop: Motor's threads may still speak when it is closed."""
    if driver == "pymongo":
        return at_once
    loop = asyncio.get_running_loop()

    def call(function: Call, *arguments: Any) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(function, *arguments)

    return call


def _client_class(driver: Driver) -> Any:
    if driver == "pymongo":
        return AsyncMongoClient
    try:
        from motor.motor_asyncio import AsyncIOMotorClient
    except ImportError:
        raise OperatorError("Motor is not installed", fix="pip install 'tapestore[motor]'") from None
    return AsyncIOMotorClient
