"""Who the bus and the store are, as spans name them: never with a password."""

from __future__ import annotations

from urllib.parse import urlsplit

from config import Settings
from consumer.telemetry.identity import Bus, Database


def bus_of(settings: Settings, source: str) -> Bus:
    """The bus behind a source of that name."""
    match source:
        case "jetstream" | "nats":
            return Bus(source, settings.nats.durable, *_first_server(settings.nats.url.get_secret_value()))
        case "kafka":
            return Bus(source, settings.kafka.group_id, *_first_server(f"//{settings.kafka.bootstrap_servers}"))
        case _:
            return Bus(source)


def database_of(settings: Settings) -> Database:
    """The store that the settings name."""
    if settings.store.kind == "local":
        return Database("parquet", settings.market)
    return Database("mongodb", settings.mongodb.database, *_first_server(settings.mongodb_uri.get_secret_value()))


def _first_server(urls: str) -> tuple[str, int]:
    """Host and port of the first server of a list; 0 where none is given."""
    server = urlsplit(urls if "//" in urls else f"//{urls}").netloc.rpartition("@")[2].partition(",")[0]
    host, _, port = server.rpartition(":") if ":" in server else (server, "", "")
    return host, int(port) if port.isdigit() else 0
