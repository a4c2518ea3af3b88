"""A connection to NATS from its beginning to its end; who needs another makes another.

nats-py could reconnect by itself. But then a standing pull is lost without a word, a half-open socket can
hold it up for as long as the kernel likes, and a password that was refused once ends it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from nats import errors
from nats.aio.client import Client
from pydantic import SecretStr

from config.bus import NatsSettings
from consumer.errors import SourceError, SourceRefused, SourceUnavailable
from consumer.sources.nats_message import Received
from consumer.sources.nats_parser import PullParser
from consumer.sources.nats_tls import NO_FILES, Handshake, TlsFiles

CONNECT_SECONDS = 2
PING_SECONDS = 2  # two pings without an answer, and the connection is given up at the third: 6 s
CLOSE_SECONDS = 1.0

_REFUSALS = {
    "authorization violation": "set the right user and password in NATS_URL",
    "permissions violation": "grant this user the subject on the NATS server",
    "certificate": "name in NATS_TLS_CA_FILE the authority that signed the server's certificate, "
    "and in NATS_TLS_CERT_FILE one that the server trusts",
    "offers no tls": "let the server require TLS, or write nats:// in NATS_URL if the network may read all",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the servers are, and who we are there."""

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    files: TlsFiles = NO_FILES

    @classmethod
    def of(cls, settings: NatsSettings) -> Address:
        """What NATS_URL and NATS_TLS_* say."""
        files = TlsFiles(settings.tls_ca_file, settings.tls_cert_file, settings.tls_key_file)
        return replace(cls.parse(settings.url), files=files)

    @classmethod
    def parse(cls, url: SecretStr) -> Address:
        """Read nats://user:password@host:port,… or nats://token@host; the first one's credentials count for all."""
        parts = [urlsplit(part if "://" in part else f"nats://{part}") for part in url.get_secret_value().split(",")]
        servers = tuple(f"{part.scheme}://{part.netloc.rpartition('@')[2]}" for part in parts)
        user, password = parts[0].username, parts[0].password
        if user is None:
            return cls(servers)
        if password is None:
            return cls(servers, token=unquote(user))
        return cls(servers, unquote(user), unquote(password))

    @property
    def demands_tls(self) -> bool:
        """Whether one of the servers must speak TLS: then all must, for they get the same credentials."""
        return any(server.startswith(("tls://", "wss://")) for server in self.servers)


class Connection:
    """The driver's client, and its last complaint; `changed` is set when either is new.

    With `known_subjects` nats-py does not look for white space in what is published to: all of it comes from checked
    settings or, word for word, from the server.
    """

    def __init__(self, changed: asyncio.Event, *, known_subjects: bool = False) -> None:
        self.client = Client()
        self.client.msg_class = Received  # type: ignore[assignment]  # all of it that we use, and nats-py looks at
        self.client._ps = PullParser(self.client)
        self.complaint = ""
        self._changed = changed
        self._known_subjects = known_subjects

    @property
    def is_good(self) -> bool:
        """Whether it stands, as far as we know, and nothing was complained about."""
        return self.client.is_connected and not self.complaint

    async def open(self, address: Address, tls: Handshake | None = None) -> None:
        """Try each server, by TLS or not at all where `tls` is given; raises what nats-py and the socket raise."""
        if tls is None:
            await self._connect(address, user=address.user, password=address.password, token=address.token)
            return
        secrets = {"password": tls.guard(address.password), "token": tls.guard(address.token)}
        await self._connect(address, user=address.user, tls=tls.context, **secrets)
        tls.require()

    async def _connect(self, address: Address, **options: Any) -> None:
        await self.client.connect(
            list(address.servers),
            **options,
            name="tapestore",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_SECONDS,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=2,
            error_cb=self._complained,
            closed_cb=self._closed,
            skip_subject_validation=self._known_subjects,
        )

    def error(self, otherwise: str) -> SourceError:
        """Why this connection is of no use: its last complaint, or else what the caller saw."""
        reason = self.complaint or otherwise
        for sign, fix in _REFUSALS.items():
            if sign in reason.lower():
                return SourceRefused(reason, fix=fix)
        return SourceUnavailable(reason)

    async def close(self) -> None:
        """Let go of it, however it is."""
        with suppress(errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.client.close()

    async def _complained(self, error: Exception) -> None:
        self.complaint = str(error) or type(error).__name__
        self._changed.set()

    async def _closed(self) -> None:
        self._changed.set()


async def publish_to_each(client: Client, subjects: Sequence[str], payload: bytes) -> None:
    """Publish the same text to each subject, in one write; raises ConnectionClosedError where there is no connection.

    `publish` of nats-py cost a tenth of the way from JetStream to MongoDB. What is written are the commands that it
    would write too (https://docs.nats.io/reference/reference-protocols/nats-protocol#pub).
    """
    if not client.is_connected:
        raise errors.ConnectionClosedError
    end = f"  {len(payload)}\r\n{payload.decode()}\r\n"
    await client._send_command(f"PUB {f'{end}PUB '.join(subjects)}{end}".encode())
    await client._flush_pending()


@asynccontextmanager
async def connected(
    address: Address, changed: asyncio.Event, *, known_subjects: bool = False
) -> AsyncIterator[Connection]:
    """A connection that is closed in the end; raises SourceUnavailable or SourceRefused when it or its user fails."""
    tls = Handshake(address.files) if address.demands_tls else None
    connection = Connection(changed, known_subjects=known_subjects)
    try:
        await connection.open(address, tls)
        yield connection
    except (SourceUnavailable, errors.Error, OSError) as error:
        raise connection.error(str(error) or "no answer") from error
    finally:
        await connection.close()
