"""TLS of a database whose connection is a URL."""

from __future__ import annotations

from pathlib import Path

_MODES = frozenset({"ssl", "sslmode"})


def with_tls(url: str, ca: Path | None, certificate: Path | None, key: Path | None) -> str:
    """The SQLAlchemy URL, asking for TLS with these files and all verified, whatever it asked for; SQLite has none."""
    files = {"ssl_ca": ca, "ssl_cert": certificate, "ssl_key": key}
    given = {name: str(file) for name, file in files.items() if file is not None}
    if not given or url.startswith("sqlite"):
        return url
    from sqlalchemy.engine import make_url  # as slow to import as all the rest of the settings

    parsed = make_url(url)
    weaker = [name for name in parsed.query if name.lower().replace("_", "").replace("-", "") in _MODES]
    stronger = parsed.difference_update_query(weaker).update_query_dict(given | {"sslmode": "verify-full"})
    return stronger.render_as_string(hide_password=False)
