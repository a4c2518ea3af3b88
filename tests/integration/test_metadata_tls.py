"""TLS to the metadata database: as strict as it was asked for, and never silently less."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import make_url, text

from config import load
from storage import OperatorError
from storage.metadata import MetadataDatabase
from tests.servers import MariaDB, PostgreSQL, Server

ENCRYPTED = {
    "mysql": "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
    "postgresql": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
}


def make_certificate(folder: Path) -> None:
    """A certificate for `localhost`, signed by itself: `cert.pem` and `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def add_certificate(server: Server) -> None:
    """The key is for the server's own user alone, or PostgreSQL does not start."""
    make_certificate(server.folder)
    owner = server.folder.stat()
    for name in ("cert.pem", "key.pem"):
        os.chown(server.folder / name, owner.st_uid, owner.st_gid)
        (server.folder / name).chmod(0o600)


class TlsMariaDB(MariaDB):
    """MariaDB with a certificate."""

    def prepare(self) -> None:
        super().prepare()
        add_certificate(self)

    def command(self) -> Sequence[str | Path]:
        files = (f"--ssl-cert={self.folder / 'cert.pem'}", f"--ssl-key={self.folder / 'key.pem'}")
        return [*super().command(), *files]


class TlsPostgreSQL(PostgreSQL):
    """PostgreSQL with a certificate."""

    def prepare(self) -> None:
        super().prepare()
        add_certificate(self)

    def command(self) -> Sequence[str | Path]:
        files = (f"ssl_cert_file={self.folder / 'cert.pem'}", f"ssl_key_file={self.folder / 'key.pem'}")
        return [*super().command(), "-c", "ssl=on", *(word for file in files for word in ("-c", file))]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(TlsMariaDB, marks=pytest.mark.server("mariadb")),
        pytest.param(TlsPostgreSQL, marks=pytest.mark.server("postgresql")),
    ],
)
async def test_tls_is_as_strict_as_it_was_asked_for(
    kind: type[Server], start_server: Callable[[type[Server]], Server]
) -> None:
    server = await asyncio.to_thread(start_server, kind)
    certificate = str(server.folder / "cert.pem")

    assert await encrypted(server, "127.0.0.1", sslmode="require")
    assert await encrypted(server, "127.0.0.1", sslmode="verify-ca", ssl_ca=certificate)
    assert await encrypted(server, "localhost", sslmode="verify-full", ssl_ca=certificate)
    assert await encrypted(server, "localhost", sslrootcert=certificate)
    assert not await encrypted(server, "127.0.0.1", sslmode="disable")
    await refused(server, "localhost", ssl="true")
    await refused(server, "127.0.0.1", sslmode="verify-full", ssl_ca=certificate)
    assert await encrypted_by_setting(server, "localhost", certificate)
    with pytest.raises(OperatorError):
        await encrypted_by_setting(server, "127.0.0.1", certificate)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(MariaDB, marks=pytest.mark.server("mariadb")),
        pytest.param(PostgreSQL, marks=pytest.mark.server("postgresql")),
    ],
)
async def test_a_server_without_tls_is_refused_when_tls_was_asked_for(
    kind: type[Server], start_server: Callable[[type[Server]], Server]
) -> None:
    server = await asyncio.to_thread(start_server, kind)

    await refused(server, "127.0.0.1", sslmode="require")


async def encrypted(server: Server, host: str, **options: str) -> bool:
    return await encrypted_at(url_of(server, host, options))


async def encrypted_by_setting(server: Server, host: str, authority: str) -> bool:
    """By METADATA_TLS_CA_FILE, which wins over a URL that asks for less."""
    url = url_of(server, host, {"sslmode": "disable"})
    settings = load({"METADATA_URL": url, "METADATA_TLS_CA_FILE": authority})
    return await encrypted_at(settings.metadata_url.get_secret_value())


async def encrypted_at(url: str) -> bool:
    async with MetadataDatabase(url) as database, database.read() as connection:
        return bool((await connection.execute(text(ENCRYPTED[database.dialect]))).scalar_one())


async def refused(server: Server, host: str, **options: str) -> None:
    with pytest.raises(OperatorError) as caught:
        await MetadataDatabase(url_of(server, host, options)).connect()
    assert "certificates" in caught.value.fix


def url_of(server: Server, host: str, options: dict[str, str]) -> str:
    return make_url(server.url).set(host=host, query=options).render_as_string(hide_password=False)
