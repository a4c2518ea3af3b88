"""TLS and passwords on MongoDB: as strict as they were asked for, and the error names the setting, not the secret."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from config.load import load
from consumer.stores import store_of
from storage import OperatorError
from tests.contracts.records import trade
from tests.contracts.writing import put
from tests.integration.certificates import Authority
from tests.integration.mongodb import FORGOTTEN_SOCKETS
from tests.servers import MongoDB

pytestmark = [pytest.mark.server("mongodb"), pytest.mark.filterwarnings(FORGOTTEN_SOCKETS)]

PASSWORD = "s3cret/word"


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """They are collected here, and not in a test that has nothing to do with them."""
    yield
    gc.collect()


class TlsMongoDB(MongoDB):
    """mongod with TLS and passwords, for clients that have a certificate of the same authority."""

    authority: Authority

    def prepare(self) -> None:
        super().prepare()
        self.authority = Authority(self.folder, "authority")
        (self.folder / "server.pem").write_bytes(self.authority.certificate("localhost").read_bytes())

    @property
    def url(self) -> str:
        return f"mongodb://localhost:{self.port}/?directConnection=true"

    def command(self) -> Sequence[str | Path]:
        files = ("--tlsCertificateKeyFile", self.folder / "server.pem", "--tlsCAFile", self.authority.ca_file)
        without_set = [word for word in super().command() if word not in ("--replSet", "rs0")]
        return [*without_set, "--auth", "--tlsMode", "requireTLS", *files]

    def _is_primary(self) -> bool:
        with self._client() as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])

    def add_user(self) -> None:
        with self._client() as client:
            client.admin.command("createUser", "tape", pwd=PASSWORD, roles=["root"])

    def _client(self) -> MongoClient[dict[str, Any]]:
        certificate = self.authority.certificate("admin")
        return MongoClient(
            self.url,
            tls=True,
            tlsCAFile=str(self.authority.ca_file),
            tlsCertificateKeyFile=str(certificate),
            serverSelectionTimeoutMS=1000,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[TlsMongoDB]:
    if not TlsMongoDB.installed():
        pytest.skip("mongodb is not installed: python -m tests.servers.install mongodb")
    with TlsMongoDB() as server:
        server.add_user()
        yield server


Given = dict[str, str]


@pytest.fixture
def right(server: TlsMongoDB) -> Given:
    """Settings with which the server is reached."""
    return {
        "STORE": "mongodb",
        "MONGODB_HOST": "localhost",
        "MONGODB_PORT": str(server.port),
        "MONGODB_USER": "tape",
        "MONGODB_PASSWORD": PASSWORD,
        "MONGODB_TLS_CA_FILE": str(server.authority.ca_file),
        "MONGODB_TLS_CERT_FILE": str(server.authority.certificate("client")),
    }


async def refused(given: Given) -> OperatorError:
    """The error with which a connection is refused; it shows no password."""
    with pytest.raises(OperatorError) as caught:
        await store_of(load(given)).connect()
    told = f"{caught.value} {caught.value.fix}"
    assert PASSWORD not in told and "s3cret" not in told
    return caught.value


async def test_the_right_files_and_password_work(right: Given, unique_name: str) -> None:
    async with store_of(load(right | {"MONGODB_DB": unique_name})) as store:
        await put(store, trade())

        assert await store.get_record_count("trades_BTCUSDT") == 1


async def test_settings_win_over_the_connection_string(server: TlsMongoDB, right: Given) -> None:
    user = "tape:s3cret%2Fword@"
    weak = f"mongodb://{user}localhost:{server.port}/?tls=false"
    weaker = f"mongodb://{user}127.0.0.1:{server.port}/?tls=true&tlsAllowInvalidHostnames=true"

    async with store_of(load(right | {"MONGODB_URI": weak})) as store:
        await store.ping()
    assert "host name" in (await refused(right | {"MONGODB_URI": weaker})).fix


async def test_an_authority_that_did_not_sign_is_refused(right: Given, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")

    error = await refused(right | {"MONGODB_TLS_CA_FILE": str(other.ca_file)})

    assert "MONGODB_TLS_CA_FILE" in error.fix


async def test_a_name_that_is_not_in_the_certificate_is_refused(right: Given) -> None:
    error = await refused(right | {"MONGODB_HOST": "127.0.0.1"})

    assert "host name" in error.fix


async def test_a_client_certificate_that_is_missing_is_asked_for(right: Given) -> None:
    del right["MONGODB_TLS_CERT_FILE"]

    error = await refused(right)

    assert "MONGODB_TLS_CERT_FILE" in error.fix


async def test_a_client_certificate_of_another_authority_is_refused(right: Given, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")

    error = await refused(right | {"MONGODB_TLS_CERT_FILE": str(other.certificate("client"))})

    assert "MONGODB_TLS_CERT_FILE" in error.fix


async def test_a_server_without_tls_is_refused(mongodb_uri: str) -> None:
    error = await refused({"STORE": "mongodb", "MONGODB_URI": mongodb_uri, "MONGODB_TLS": "on"})

    assert "MONGODB_TLS" in error.fix


async def test_a_wrong_password_is_refused(right: Given) -> None:
    error = await refused(right | {"MONGODB_PASSWORD": "s3cret/wrong"})

    assert "password" in error.fix


@pytest.mark.parametrize("name", ["MONGODB_TLS_CA_FILE", "MONGODB_TLS_CERT_FILE"])
@pytest.mark.parametrize("content", [None, "no certificate"], ids=["not there", "no PEM"])
async def test_a_file_that_is_of_no_use_is_named(right: Given, tmp_path: Path, name: str, content: str | None) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)

    error = await refused(right | {name: str(file)})

    assert name in error.fix
