"""Client certificates of the metadata database: METADATA_TLS_*, on servers that let nobody in without one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import make_url

from config import load
from storage import DatabaseError, OperatorError
from storage.metadata import MetadataDatabase
from tests.integration.certificates import Authority
from tests.servers import MariaDB, PostgreSQL, Server


class Suspicious(Server):
    """A server with an authority of its own: it signed the server's certificate, and must have signed the client's."""

    authority: Authority
    certificate: Path

    def add_certificates(self) -> None:
        """Make them; they are for the server's own user alone."""
        self.authority = Authority(self.folder, "authority")
        self.certificate = self.authority.certificate("localhost")
        owner = self.folder.stat()
        for file in (self.authority.ca_file, self.certificate):
            os.chown(file, owner.st_uid, owner.st_gid)
            file.chmod(0o600)


class SuspiciousMariaDB(Suspicious, MariaDB):
    """MariaDB whose user needs a certificate."""

    def prepare(self) -> None:
        super().prepare()
        self.add_certificates()
        users = self.folder / "users.sql"
        users.write_text(f"{users.read_text()}ALTER USER 'tapestore'@'%' REQUIRE X509;\n")

    def command(self) -> Sequence[str | Path]:
        files = (f"--ssl-cert={self.certificate}", f"--ssl-key={self.certificate}")
        return [*super().command(), *files, f"--ssl-ca={self.authority.ca_file}"]


class SuspiciousPostgreSQL(Suspicious, PostgreSQL):
    """PostgreSQL that asks each connection for a certificate."""

    def prepare(self) -> None:
        super().prepare()
        self.add_certificates()
        (self.folder / "data" / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")

    def command(self) -> Sequence[str | Path]:
        files = {"ssl_cert_file": self.certificate, "ssl_key_file": self.certificate}
        options = {"ssl": "on", "ssl_ca_file": self.authority.ca_file} | files
        return [*super().command(), *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]


KINDS = [
    pytest.param(SuspiciousMariaDB, marks=pytest.mark.server("mariadb")),
    pytest.param(SuspiciousPostgreSQL, marks=pytest.mark.server("postgresql")),
]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_certificate_opens_and_nothing_else_does(
    kind: type[Server], start_server: Callable[[type[Server]], Server], tmp_path: Path
) -> None:
    server = await asyncio.to_thread(start_server, kind)
    assert isinstance(server, Suspicious)
    ca, mine = server.authority.ca_file, server.authority.certificate("tapestore")
    stranger = Authority(tmp_path, "stranger")
    theirs = stranger.certificate("tapestore")

    async with database(server, ca, mine) as opened:
        await opened.ping()
    with pytest.raises(OperatorError):
        await database(server, ca).connect()
    with pytest.raises(OperatorError, match="certificate verify failed"):
        await database(server, stranger.ca_file, mine).connect()
    with pytest.raises(DatabaseError):  # a server may just hang up on it
        await database(server, ca, theirs).connect()


def database(server: Server, ca: Path, certificate: Path | None = None) -> MetadataDatabase:
    url = make_url(server.url).set(host="localhost").render_as_string(hide_password=False)
    told = {"METADATA_URL": url, "METADATA_TLS_CA_FILE": str(ca)}
    if certificate is not None:
        told |= {"METADATA_TLS_CERT_FILE": str(certificate), "METADATA_TLS_KEY_FILE": str(certificate)}
    return MetadataDatabase(load(told).metadata_url.get_secret_value())
