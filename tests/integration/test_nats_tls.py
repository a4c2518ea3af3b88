"""TLS to NATS: certificate and host name are verified, and a server without TLS never sees a password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config import load
from consumer.errors import SourceError, SourceRefused
from consumer.sources.nats_connection import Address, Connection, connected
from consumer.sources.nats_core import NatsCoreSource
from tests.integration.certificates import Authority
from tests.servers import Nats, Server

pytestmark = pytest.mark.server("nats")
PASSWORD = "nats-canary"
CREDENTIALS = ("--user", "tape", "--pass", PASSWORD)


class TlsNats(Nats):
    """NATS with a password and a certificate for `localhost`; `authority` signed it."""

    def __init__(self) -> None:
        super().__init__()
        self.authority = Authority(self.folder, "authority")
        self.certificate = self.authority.certificate("localhost")

    def command(self) -> Sequence[str | Path]:
        files = ("--tlscert", self.certificate, "--tlskey", self.certificate)
        return [*super().command(), *CREDENTIALS, "--tls", *files]


class SuspiciousNats(TlsNats):
    """It asks its clients for a certificate, too."""

    def command(self) -> Sequence[str | Path]:
        return [*super().command(), "--tlsverify", "--tlscacert", self.authority.ca_file]


class ClearNats(Nats):
    """NATS with a password and without TLS, which traces what it is told."""

    def command(self) -> Sequence[str | Path]:
        return [*super().command(), *CREDENTIALS, "-DV"]


Start = Callable[[type[Server]], Server]


@pytest.fixture
async def tls(start_server: Start) -> TlsNats:
    server = await asyncio.to_thread(start_server, TlsNats)
    assert isinstance(server, TlsNats)
    return server


def address(server: Server, *, host: str = "localhost", scheme: str = "tls", **told: Path | None) -> Address:
    url = f"{scheme}://tape:{PASSWORD}@{host}:{server.port}"
    files = {f"NATS_TLS_{name.upper()}_FILE": str(file) for name, file in told.items() if file is not None}
    return Address.of(load({"NATS_URL": url} | files).nats)


@asynccontextmanager
async def opened(address: Address) -> AsyncIterator[Connection]:
    async with connected(address, asyncio.Event()) as connection:
        await connection.client.flush()
        yield connection


async def refused(address: Address) -> SourceRefused:
    with pytest.raises(SourceRefused) as caught:
        async with opened(address):
            pass
    assert PASSWORD not in f"{caught.value} {caught.value.fix}"
    return caught.value


async def test_the_right_authority_opens(tls: TlsNats) -> None:
    async with opened(address(tls, ca=tls.authority.ca_file)) as connection:
        assert connection.is_good


async def test_another_authority_is_refused(tls: TlsNats, tmp_path: Path) -> None:
    error = await refused(address(tls, ca=Authority(tmp_path, "stranger").ca_file))
    assert "NATS_TLS_CA_FILE" in error.fix


async def test_the_authorities_of_this_machine_do_not_know_it(tls: TlsNats) -> None:
    assert "certificate" in str(await refused(address(tls)))


async def test_another_host_name_is_refused(tls: TlsNats) -> None:
    error = await refused(address(tls, host="127.0.0.1", ca=tls.authority.ca_file))
    assert "127.0.0.1" in str(error)


async def test_a_server_without_tls_is_refused_before_it_hears_the_password(start_server: Start) -> None:
    server = await asyncio.to_thread(start_server, ClearNats)

    error = await refused(address(server, host="127.0.0.1"))

    assert "offers no TLS" in str(error)
    assert "nats://" in error.fix
    assert "CONNECT" not in server.log.read_text()
    async with opened(address(server, host="127.0.0.1", scheme="nats")):
        assert "CONNECT" in server.log.read_text()  # what it is told is in its log


async def test_a_server_without_tls_and_password_is_refused_too(start_server: Start) -> None:
    server = await asyncio.to_thread(start_server, Nats)
    assert "offers no TLS" in str(await refused(address(server, host="127.0.0.1")))


async def test_a_client_certificate_opens_where_one_is_asked_for(start_server: Start, tmp_path: Path) -> None:
    server = await asyncio.to_thread(start_server, SuspiciousNats)
    assert isinstance(server, SuspiciousNats)
    ca, mine = server.authority.ca_file, server.authority.certificate("tape")
    theirs = Authority(tmp_path, "stranger").certificate("tape")

    async with opened(address(server, ca=ca, cert=mine, key=mine)) as connection:
        assert connection.is_good
    for file in (None, theirs):
        with pytest.raises(SourceError):  # the server hangs up, and does not always say why
            async with opened(address(server, ca=ca, cert=file, key=file)):
                pass


@pytest.mark.parametrize("name", ["ca", "cert"])
async def test_a_file_that_cannot_be_used_is_named_with_its_setting(name: str, tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    told: dict[str, Any] = {name: file} | ({"key": file} if name == "cert" else {})
    with pytest.raises(SourceRefused, match=r"no\.pem") as caught:
        async with connected(address(Nats(), **told), asyncio.Event()):
            pass
    assert f"NATS_TLS_{name.upper()}_FILE" in caught.value.fix


async def test_a_source_reads_by_tls_and_calls_a_person_where_it_may_not(tls: TlsNats, tmp_path: Path) -> None:
    for authority, opens in ((tls.authority, True), (Authority(tmp_path, "stranger"), False)):
        url = f"tls://tape:{PASSWORD}@localhost:{tls.port}"
        settings = load({"NATS_URL": url, "NATS_TLS_CA_FILE": str(authority.ca_file), "NATS_SUBJECT": "md.>"}).nats
        async with NatsCoreSource(settings, prefetch_messages=10, prefetch_bytes=1 << 20) as source:
            if opens:
                await _subscribed(source)
            else:
                with pytest.raises(SourceRefused, match="certificate"):
                    async with asyncio.timeout(10):
                        while True:
                            await source.receive(1, 1 << 20)


async def _subscribed(source: NatsCoreSource) -> None:
    async with asyncio.timeout(10):
        while not (await source.status()).subscribed:  # noqa: ASYNC110 - it is asked, it does not tell
            await asyncio.sleep(0.02)
