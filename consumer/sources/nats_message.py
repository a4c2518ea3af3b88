"""A message of NATS: as the driver makes it, or as we cut it out of the socket's bytes."""

from __future__ import annotations

from typing import Protocol

import msgspec
from nats.aio.client import Client

HEADERS = b"NATS/1.0\r\n"
"""How a block of headers begins. Behind the version a status may stand: that is none of ours."""


class NatsMessage(Protocol):
    """A message, whoever made it."""

    @property
    def subject(self) -> str: ...
    @property
    def reply(self) -> str: ...
    @property
    def data(self) -> bytes: ...
    @property
    def headers(self) -> dict[str, str] | None: ...


class Pulled(NatsMessage, Protocol):
    """One of a pull; `size` are its bytes as the server counts them."""

    @property
    def size(self) -> int: ...


class Received(msgspec.Struct, gc=False, eq=False):
    """A message as the driver makes it, without what nobody asks for.

    `Msg` of nats-py has a dictionary each, and methods that answer JetStream one by one.
    """

    subject: str
    reply: str
    data: bytes
    headers: dict[str, str] | None
    _client: Client
    _sid: int

    @property
    def header(self) -> dict[str, str] | None:
        """The headers, by the name that nats-py's own errors know."""
        return self.headers

    @property
    def size(self) -> int:
        """Its bytes as the server counts them: of headers NATS/1.0, a line for each, and an empty line."""
        lines = sum([len(name) + len(value) + 4 for name, value in (self.headers or {}).items()])
        return len(self.subject) + len(self.reply) + len(self.data) + (12 + lines if lines else 0)


class Cut(msgspec.Struct, gc=False, eq=False):
    """One that we cut out; `block` are its headers as they came."""

    subject: str
    reply: str
    data: bytes
    block: bytes
    size: int

    @property
    def headers(self) -> dict[str, str] | None:
        """What nats-py reads in them."""
        return (Client._parse_header_lines(self.block[len(HEADERS) :]) or None) if self.block else None
