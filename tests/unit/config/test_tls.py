"""TLS settings win over what the connection string says, and contradict nothing silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from config import ConfigError
from config.load import load
from config.tls import with_tls


@pytest.mark.parametrize("weaker", ["", "?sslmode=disable", "?ssl_mode=disabled", "?ssl=false", "?sslmode=require"])
def test_a_certificate_authority_means_that_all_is_verified(weaker: str) -> None:
    settings = load({"METADATA_URL": f"mysql://u:p%40@h:1/db{weaker}", "METADATA_TLS_CA_FILE": "/tls/ca.pem"})

    url = make_url(settings.metadata_url.get_secret_value())

    assert (url.password, url.query) == ("p@", {"ssl_ca": "/tls/ca.pem", "sslmode": "verify-full"})


def test_a_client_certificate_goes_with_its_key() -> None:
    given = {"METADATA_TLS_CERT_FILE": "/tls/cert.pem", "METADATA_TLS_KEY_FILE": "/tls/key.pem"}

    url = make_url(load(given | {"METADATA_URL": "postgresql://h/db"}).metadata_url.get_secret_value())

    assert (url.query["ssl_cert"], url.query["ssl_key"]) == ("/tls/cert.pem", "/tls/key.pem")
    with pytest.raises(ConfigError, match="METADATA_TLS_KEY_FILE"):
        load({"METADATA_TLS_KEY_FILE": "/tls/key.pem"})


def test_sqlite_and_a_url_without_tls_settings_stay_as_they_are() -> None:
    assert with_tls("sqlite+aiosqlite:///x.sqlite", Path("ca.pem"), None, None) == "sqlite+aiosqlite:///x.sqlite"
    assert with_tls("mysql+aiomysql://h/db?sslmode=disable", None, None, None).endswith("?sslmode=disable")


def test_files_for_tls_contradict_tls_off() -> None:
    with pytest.raises(ConfigError, match=r"MONGODB_TLS.*must not be off"):
        load({"MONGODB_TLS": "off", "MONGODB_TLS_CA_FILE": "/tls/ca.pem"})


@pytest.mark.parametrize("url", ["nats://h", "h", "tls://h,nats://h", "ws://h"])
def test_tls_files_are_refused_where_nats_is_not_told_to_verify(url: str) -> None:
    with pytest.raises(ConfigError, match=r"NATS_URL.*tls:// or wss:// only"):
        load({"NATS_URL": url, "NATS_TLS_CA_FILE": "/tls/ca.pem"})
    load({"NATS_URL": "tls://h,tls://i", "NATS_TLS_CA_FILE": "/tls/ca.pem"})


def test_a_client_certificate_of_nats_goes_with_its_key() -> None:
    with pytest.raises(ConfigError, match="NATS_TLS_KEY_FILE"):
        load({"NATS_URL": "tls://h", "NATS_TLS_CERT_FILE": "/tls/cert.pem"})
