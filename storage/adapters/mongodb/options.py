"""What a client is told beside its connection string: pool and TLS."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_POOL_SIZE = 50


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """None leaves it to the connection string; what is set wins over it.

    `tls` on, or a file, asks for TLS with certificates and host names verified. `tls_cert_file` holds the
    client's certificate and its key, as PEM.
    """

    max_pool_size: int | None = None
    wait_queue_seconds: float = 10.0
    tls: bool | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None

    def words(self, connection_string: str) -> Mapping[str, Any]:
        """The keyword arguments of a client, which win over its connection string."""
        words = {
            "maxPoolSize": self._pool_size(connection_string),
            "waitQueueTimeoutMS": round(self.wait_queue_seconds * 1000),
            **self._tls(),
        }
        return {name: value for name, value in words.items() if value is not None}

    def tls_context(self) -> ssl.SSLContext | None:
        """What a client trusts and shows, where the settings ask for TLS; raises OSError for a file of no use."""
        if not self._wants_tls:
            return None
        context = ssl.create_default_context(cafile=self.tls_ca_file)
        if self.tls_cert_file is not None:
            context.load_cert_chain(self.tls_cert_file)
        return context

    def files(self) -> list[str]:
        """The settings that name files which are used."""
        files = {"MONGODB_TLS_CA_FILE": self.tls_ca_file, "MONGODB_TLS_CERT_FILE": self.tls_cert_file}
        return [name for name, file in files.items() if file is not None]

    def _pool_size(self, connection_string: str) -> int | None:
        if self.max_pool_size is None and _names(connection_string, "maxPoolSize"):
            return None
        return self.max_pool_size or DEFAULT_POOL_SIZE

    @property
    def _wants_tls(self) -> bool:
        return bool(self.tls or (self.tls is None and self.files()))

    def _tls(self) -> Mapping[str, Any]:
        if self.tls is False:
            return {"tls": False}
        if not self._wants_tls:
            return {}
        return {
            "tls": True,
            "tlsAllowInvalidCertificates": False,
            "tlsAllowInvalidHostnames": False,
            "tlsCAFile": None if self.tls_ca_file is None else str(self.tls_ca_file),
            "tlsCertificateKeyFile": None if self.tls_cert_file is None else str(self.tls_cert_file),
        }


def _names(connection_string: str, option: str) -> bool:
    """Whether a connection string sets an option."""
    options = connection_string.partition("?")[2].lower().replace(";", "&").split("&")
    return any(each.partition("=")[0] == option.lower() for each in options)
