"""Addresses of servers: what a valid one looks like, how one is built, and what of it may be shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from config.tls_words import MODES, plain_word

HIDDEN = "***"

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4})"
_SERVER = rf"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::{_PORT})?"
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?"
    r"(?:(?P<user>[^\s@/?#:]*)(?P<password>:[^\s@/?#:]*)?@)?"
    rf"(?P<servers>{_SERVER}(?:,{_SERVER})*)?"
    r"(?P<path>/[^\s@?#]*)?"
    r"(?:\?(?P<query>[^\s@?#]*))?"
)
_HARMLESS_OPTIONS = frozenset(
    {"appName", "authSource", "charset", "directConnection", "replicaSet", "retryWrites", "ssl", "sslmode", "tls", "w"}
)
_ASYNC_DRIVERS = {
    "mysql": "mysql+aiomysql",
    "mysql+pymysql": "mysql+aiomysql",
    "mariadb": "mariadb+aiomysql",
    "mariadb+pymysql": "mariadb+aiomysql",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


def public_url(text: str) -> str:
    """One or more URLs without what is secret in them; what cannot be parsed is not shown at all.

    A user without a password is hidden too: for NATS it is a token.
    """
    whole = _URL.fullmatch(text)
    if whole is not None:
        return _without_secrets(whole)
    parts = [_URL.fullmatch(part.strip()) for part in text.split(",")]
    return ",".join(_without_secrets(part) if part else HIDDEN for part in parts) if all(parts) else HIDDEN


def _without_secrets(url: re.Match[str]) -> str:
    user, password, query = url["user"], url["password"], url["query"]
    login = "" if user is None else f"{user if password else HIDDEN}{f':{HIDDEN}' if password else ''}@"
    options = "" if query is None else "?" + "&".join(_option(option) for option in query.split("&"))
    return f"{url['scheme'] or ''}{login}{url['servers'] or ''}{url['path'] or ''}{options}"


def _option(option: str) -> str:
    name, equals, _ = option.partition("=")
    return option if name in _HARMLESS_OPTIONS or not equals else f"{name}={HIDDEN}"


def mongodb_uri(host: str, port: int, user: str | None, password: str | None) -> str:
    """The connection string of one server; user and password may hold any characters."""
    login = "" if user is None else quote(user, safe="") + (f":{quote(password, safe='')}" if password else "") + "@"
    return f"mongodb://{login}{_bracketed(host)}:{port}"


# SQLAlchemy takes as long to import as all the rest of the settings: who names no database does not wait for it.


def mysql_url(host: str, port: int, user: str, password: str, database: str) -> str:
    """The SQLAlchemy URL of a MySQL or MariaDB server; user and password may hold any characters."""
    from sqlalchemy.engine import URL

    url = URL.create("mysql+aiomysql", user, password or None, host.strip("[]"), port, database)
    return url.render_as_string(hide_password=False)


def sqlite_url(path: Path) -> str:
    """The SQLAlchemy URL of a file."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite+aiosqlite", database=str(path)).render_as_string(hide_password=False)


def asynchronous(url: str) -> str:
    """The SQLAlchemy URL with an asyncio driver where it names a database only, or a blocking twin of ours.

    Raises ValueError, which shows nothing of the URL, when it is none or its driver cannot be awaited.
    """
    from sqlalchemy import exc
    from sqlalchemy.engine import make_url

    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=_ASYNC_DRIVERS.get(parsed.drivername, parsed.drivername))
        awaitable = parsed.get_dialect().is_async
    except (exc.ArgumentError, ValueError):
        raise ValueError("is no SQLAlchemy URL such as mysql://user:password@host:3306/database") from None
    if parsed.port is not None and not re.fullmatch(_PORT, str(parsed.port)):
        raise ValueError("names a port above 65535")
    for name, mode in parsed.query.items():
        if plain_word(name) in ("sslmode", "ssl") and plain_word(str(mode)) not in MODES:
            raise ValueError("has an unknown TLS mode: disable, prefer, require, verify-ca or verify-full")
    if not awaitable:
        raise ValueError("needs an asyncio driver: mysql+aiomysql, postgresql+asyncpg or sqlite+aiosqlite")
    return parsed.render_as_string(hide_password=False)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _check_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError("is one host name or address only: no scheme, user, port or list")
    return host


def _check_mongodb_uri(uri: SecretStr) -> SecretStr:
    url = _URL.fullmatch(uri.get_secret_value())
    if url is None or url["scheme"] not in ("mongodb://", "mongodb+srv://") or not url["servers"]:
        raise ValueError("is no mongodb://user:password@host:port/?options; percent-quote user and password")
    return uri


def _check_nats_url(urls: SecretStr) -> SecretStr:
    for part in urls.get_secret_value().split(","):
        url = _URL.fullmatch(part.strip())
        if url is None or not url["servers"] or url["scheme"] not in ("nats://", "tls://", "ws://", "wss://", None):
            raise ValueError("is no nats://user:password@host:port, or several separated by commas")
    return urls


def _check_sqlalchemy_url(url: SecretStr) -> SecretStr:
    asynchronous(url.get_secret_value())
    return url


def _check_otlp_endpoint(endpoint: str) -> str:
    url = _URL.fullmatch(endpoint)
    if url is None or not url["servers"] or url["scheme"] not in ("http://", "https://"):
        raise ValueError("is no http://host:port or https://host:port")
    if url["user"] is not None or url["query"] is not None:
        raise ValueError("must not carry credentials; they belong in OTEL_EXPORTER_OTLP_HEADERS")
    return endpoint


def _check_brokers(brokers: str) -> str:
    for broker in brokers.split(","):
        host, colon, port = broker.strip().rpartition(":")
        if not (_HOST.fullmatch(host) and re.fullmatch(_PORT, port) if colon else _HOST.fullmatch(port)):
            raise ValueError("is a list of host:port only; user and password belong in KAFKA_SASL_*")
    return brokers


Host = Annotated[str, AfterValidator(_check_host)]
MongodbUri = Annotated[SecretStr, AfterValidator(_check_mongodb_uri)]
NatsUrl = Annotated[SecretStr, AfterValidator(_check_nats_url)]
SqlalchemyUrl = Annotated[SecretStr, AfterValidator(_check_sqlalchemy_url)]
OtlpEndpoint = Annotated[str, AfterValidator(_check_otlp_endpoint)]
Brokers = Annotated[str, AfterValidator(_check_brokers)]
