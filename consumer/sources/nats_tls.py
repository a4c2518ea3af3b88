"""TLS to NATS that is never silently less than it was asked for.

A NATS server says in the clear whether it wants TLS, and nats-py goes on in the clear where it does not, also
for tls://. So the handshake is noted, and credentials are given to nats-py by a function that looks first.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nats import errors

from consumer.errors import SourceRefused

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What to trust instead of this machine's authorities, and the client's certificate with its key."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


NO_FILES = TlsFiles()


class Handshake:
    """TLS of one connection: its context, and whether the handshake is done."""

    def __init__(self, files: TlsFiles) -> None:
        self.is_done = False
        self.context = _context(files)
        self.context.sslobject_class = self._noting()

    def require(self) -> None:
        """Raise the driver's Error unless certificate and host name were verified."""
        if not self.is_done:
            raise errors.Error("the server offers no TLS, and NATS_URL asks for it")

    def guard(self, secret: str | None) -> Callable[[], str] | None:
        """The secret as nats-py asks for it just before it sends it: not without TLS."""
        if secret is None:
            return None

        def give() -> str:
            self.require()
            return secret

        return give

    def _noting(self) -> type[ssl.SSLObject]:
        handshake = self

        class Noting(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                handshake.is_done = True

        return Noting


def _context(files: TlsFiles) -> ssl.SSLContext:
    """Raises SourceRefused for a file that is of no use."""
    context = _reading("NATS_TLS_CA_FILE", files.ca, lambda: ssl.create_default_context(cafile=files.ca))
    if certificate := files.certificate:
        _reading("NATS_TLS_CERT_FILE", certificate, lambda: context.load_cert_chain(certificate, files.key, ""))
    return context


def _reading(setting: str, file: Path | None, read: Callable[[], T]) -> T:
    try:
        return read()
    except OSError as error:  # an SSLError is one, too
        raise SourceRefused(f"{file}: {error.strerror or error}", fix=f"name a PEM file in {setting}") from error
