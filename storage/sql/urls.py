"""One URL for each database, whatever driver it names: aiomysql, asyncpg or aiosqlite, with its TLS."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from config.tls_words import DRIVER_DECIDES, ENCRYPTED, MODES, NO_TLS, TRUSTED_HOST, plain_word
from storage.errors import RejectedError

DRIVERS = {"mysql": "mysql+aiomysql", "mariadb": "mysql+aiomysql", "postgresql": "postgresql+asyncpg"}
DRIVERS |= {"postgres": DRIVERS["postgresql"], "sqlite": "sqlite+aiosqlite"}

OURS = frozenset({"charset", "connecttimeout"})
"""Options that other programs need in the URL and that are always set here: utf8mb4, bounded."""


def parse_url(text: str) -> tuple[URL, dict[str, Any]]:
    """The URL that SQLAlchemy's asyncio engine takes, and the driver's arguments for its options.

    `mysql://`, `mysql+pymysql://` and `mariadb://` mean aiomysql, `postgresql://` means asyncpg and
    `sqlite://` means aiosqlite. TLS is asked for in the words of either world: `sslmode`/`ssl_mode` or
    `ssl=true`, `sslrootcert`/`ssl_ca`, `sslcert`/`ssl_cert`, `sslkey`/`ssl_key`. Raises RejectedError
    for a URL that cannot be meant; it never shows the URL.
    """
    url = _parse(text)
    if url.drivername == DRIVERS["sqlite"]:
        return _sqlite(url), {}
    options = {plain_word(name): str(value) for name, value in url.query.items()}
    arguments = _tls(options)
    if "unixsocket" in options and url.drivername == DRIVERS["mysql"]:
        arguments["unix_socket"] = options["unixsocket"]
    if "applicationname" in options and url.drivername == DRIVERS["postgresql"]:
        arguments["server_settings"] = {"application_name": options["applicationname"]}
    return url.set(query={}), arguments


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise RejectedError("the URL is not of the form mysql://user:password@host:port/database") from error
    if not 0 <= (url.port or 0) <= 65535:
        raise RejectedError("the URL names a port above 65535")
    driver = DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise RejectedError(f"no SQL database in {url.get_backend_name()!r}: mysql, mariadb, postgresql or sqlite")
    _check_options(url)
    return url.set(drivername=driver)


def _check_options(url: URL) -> None:
    known = {"sslmode", "ssl", *CA, *CERTIFICATE, *KEY, "unixsocket", "applicationname"} | OURS
    if unknown := sorted(name for name in url.query if plain_word(name) not in known):
        raise RejectedError(f"unknown option in the URL: {', '.join(unknown)}")


def _sqlite(url: URL) -> URL:
    if url.database in (None, "", ":memory:"):
        raise RejectedError("SQLite needs a file: sqlite:///path/to/file.sqlite")
    return url


CA = ("sslca", "sslrootcert")
CERTIFICATE = ("sslcert",)
KEY = ("sslkey",)


def _tls(options: Mapping[str, str]) -> dict[str, Any]:
    ca, certificate, key = (_first(options, names) for names in (CA, CERTIFICATE, KEY))
    mode = plain_word(options.get("sslmode") or options.get("ssl") or ("verifyfull" if ca or certificate else "prefer"))
    if mode in DRIVER_DECIDES:
        return {}
    if mode in NO_TLS:
        return {"ssl": False}
    return {"ssl": _context(mode, ca, certificate, key)}


def _context(mode: str, ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    if mode not in MODES:
        raise RejectedError(f"unknown TLS mode {mode!r} in the URL: disable, require, verify-ca, verify-full")
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate:
            context.load_cert_chain(certificate, key)
    except OSError as error:
        raise RejectedError(f"a TLS file of the URL cannot be read: {error}") from error
    context.check_hostname = mode in TRUSTED_HOST
    if mode in ENCRYPTED and ca is None:
        context.verify_mode = ssl.CERT_NONE
    return context


def _first(options: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((options[name] for name in names if name in options), None)
