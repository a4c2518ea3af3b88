"""Which driver, which TLS, for which URL."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from storage import RejectedError
from storage.metadata import MetadataDatabase
from storage.sql.urls import parse_url


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("mysql://u:p@h:3307/d", "mysql+aiomysql"),
        ("mysql+pymysql://u:p@h:3307/d?charset=utf8mb4", "mysql+aiomysql"),
        ("mariadb://u:p@h:3307/d", "mysql+aiomysql"),
        ("mariadb+aiomysql://u:p@h:3307/d", "mysql+aiomysql"),
        ("postgresql://u:p@h:3307/d?connect_timeout=5", "postgresql+asyncpg"),
        ("postgres://u:p@h:3307/d", "postgresql+asyncpg"),
        ("postgresql+psycopg2://u:p@h:3307/d", "postgresql+asyncpg"),
    ],
)
def test_one_driver_for_each_server(given: str, driver: str) -> None:
    url, arguments = parse_url(given)

    assert url.render_as_string(hide_password=False) == f"{driver}://u:p@h:3307/d"
    assert arguments == {}


def test_sqlite_keeps_its_path() -> None:
    url, _ = parse_url("sqlite:////data/metadata.sqlite")

    assert (url.drivername, url.database) == ("sqlite+aiosqlite", "/data/metadata.sqlite")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "canary",
        "oracle://u:canary@h/d",
        "mysql://u:canary@h:port/d",
        "mysql://u:canary@h/d?no=1",
        "postgresql://u:canary@h:65536/d",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(RejectedError) as caught:
        parse_url(given)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("query", "verified", "host_checked"),
    [
        ("sslmode=require", ssl.CERT_NONE, False),
        ("ssl_mode=REQUIRED", ssl.CERT_NONE, False),
        ("sslmode=verify-ca", ssl.CERT_REQUIRED, False),
        ("sslmode=verify-full", ssl.CERT_REQUIRED, True),
        ("ssl-mode=VERIFY_IDENTITY", ssl.CERT_REQUIRED, True),
        ("ssl=true", ssl.CERT_REQUIRED, True),
    ],
)
def test_tls_is_as_strict_as_it_was_asked_for(query: str, verified: ssl.VerifyMode, host_checked: bool) -> None:
    for scheme in ("mysql", "postgresql"):
        context = parse_url(f"{scheme}://h/d?{query}")[1]["ssl"]

        assert (context.verify_mode, context.check_hostname) == (verified, host_checked)


def test_tls_can_be_switched_off_and_left_to_the_driver() -> None:
    assert parse_url("postgresql://h/d?sslmode=disable")[1] == {"ssl": False}
    assert parse_url("postgresql://h/d?sslmode=prefer")[1] == {}


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RejectedError, match="TLS file"):
        parse_url(f"mysql://h/d?ssl_ca={tmp_path}/ca.pem")


def test_an_unknown_tls_mode_is_refused() -> None:
    with pytest.raises(RejectedError, match="sometimes"):
        parse_url("mysql://h/d?sslmode=sometimes")


def test_a_socket_and_a_name_reach_the_driver() -> None:
    assert parse_url("mysql://h/d?unix_socket=/run/m.sock")[1] == {"unix_socket": "/run/m.sock"}
    assert parse_url("postgresql://h/d?application_name=a")[1] == {"server_settings": {"application_name": "a"}}


def test_a_database_never_shows_its_password() -> None:
    assert "canary" not in repr(MetadataDatabase("mysql://u:canary@h/d"))
