"""A canary password in every setting that holds one: nobody sings, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import make_url

from tests.end_to_end.command import running, tapestore
from tests.end_to_end.conftest import Told
from tests.samples import FUTURES_TRADE
from tests.servers import Nats, Server

CANARY = "c4n4ry-pw"
NOWHERE = "127.0.0.1:1"
PATHS = ("/livez", "/readyz", "/startupz", "/metrics", "/status")


class Guarded(Nats):
    """Asks for a password that nobody has."""

    def command(self) -> Sequence[str | Path]:
        return [*super().command(), "--user", "somebody", "--pass", "else"]


class Forbidding(BaseHTTPRequestHandler):
    """A collector that takes nothing."""

    def do_POST(self) -> None:
        self.send_error(401)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def forbidding_collector() -> Iterator[str]:
    """Its endpoint, while it listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Forbidding) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def settings(*, nats: str, kafka: str, mongodb: str, metadata: str, collector: str, folder: Path) -> Told:
    """Every secret is the canary."""
    return {
        "NATS_URL": f"nats://user:{CANARY}@{nats}",
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_USERNAME": "user",
        "KAFKA_SASL_PASSWORD": CANARY,
        "MONGODB_URI": f"mongodb://user:{CANARY}@{mongodb}",
        "METADATA_URL": f"mysql://user:{CANARY}@{metadata}/tapestore",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {CANARY}",
        "LOCAL_PATH": str(folder),
        "LOG_LEVEL": "DEBUG",
    }


@pytest.fixture
def absent(tmp_path: Path) -> Told:
    """Nobody is there."""
    collector = f"http://{NOWHERE}"
    return settings(
        nats=NOWHERE, kafka=NOWHERE, mongodb=NOWHERE, metadata=NOWHERE, collector=collector, folder=tmp_path
    )


@pytest.fixture
def refusing(
    start_server: Callable[[type[Server]], Server],
    kafka_bootstrap: str,
    mongodb_uri: str,
    mariadb_url: str,
    tmp_path: Path,
) -> Iterator[Told]:
    """All are there, and none lets us in."""
    metadata = make_url(mariadb_url)
    with forbidding_collector() as collector:
        yield settings(
            nats=f"127.0.0.1:{start_server(Guarded).port}",
            kafka=kafka_bootstrap,
            mongodb=mongodb_uri.removeprefix("mongodb://"),
            metadata=f"{metadata.host}:{metadata.port}",
            collector=collector,
            folder=tmp_path,
        )


def said_by_services(told: Told, reasons: Mapping[tuple[str, str], str]) -> str:
    """Everything that can be heard of services with these sources and stores, once they know why they are not ready."""
    said = []
    with ExitStack() as stack:
        services = {
            stack.enter_context(running("run", told=_own(told, source, store))): reason
            for (source, store), reason in reasons.items()
        }
        for service, reason in services.items():
            service.wait_not_ready("metadata", "source", because=reason)
            said += [service.text(path)[1] for path in PATHS]
            ended = service.end()
            assert ended.code == 0, ended.err
            said += [ended.out, ended.err]
    return "".join(said)


def _own(told: Told, source: str, store: str) -> Told:
    return told | {"SOURCE": source, "STORE": store, "LOCAL_PATH": f"{told['LOCAL_PATH']}/{source}-{store}"}


def said_by_commands(told: Told, commands: Mapping[str, int]) -> str:
    """What commands say that end with these exit codes."""

    def run(command: str) -> str:
        store = "local" if command.startswith("replay") else "mongodb"
        ended = tapestore(*command.split(), told=told | {"STORE": store}, expect=commands[command])
        assert "Traceback" not in ended.err
        return ended.out + ended.err

    with ThreadPoolExecutor(max_workers=2) as threads:
        return "".join(threads.map(run, commands))


def test_nobody_tells_a_password_when_nobody_is_there(absent: Told) -> None:
    services = [("jetstream", "local"), ("kafka", "local"), ("jetstream", "mongodb")]
    said = said_by_services(absent, dict.fromkeys(services, "Connect call failed"))
    said += said_by_commands(absent, {"query trades BTCUSDT": 69, "verify": 69})

    assert CANARY not in said


def test_nobody_tells_a_password_when_everybody_refuses(refusing: Told, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    tape.write_bytes(FUTURES_TRADE + b"\n")
    reasons = {
        ("jetstream", "local"): "Authorization Violation",
        ("kafka", "local"): "KAFKA_SASL_PASSWORD",
        ("jetstream", "mongodb"): "Authentication failed",
    }
    commands = {f"replay {tape}": 0, "config show": 0, "simulate --to kafka --count 1": 69, "dlq list": 69}
    said = said_by_services(refusing, reasons) + said_by_commands(refusing, commands)

    assert "Access denied" in said
    assert "401" in said
    assert CANARY not in said
