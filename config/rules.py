"""Settings that contradict each other: each alone is fine, together they keep no promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings


@dataclass(frozen=True)
class Rule:
    """What `key` must be in the light of the `others`."""

    key: str
    message: str
    others: tuple[str, ...]
    broken: Callable[[Settings], bool]


class Contradiction(ValueError):
    """Settings that are valid one by one and not together."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        super().__init__("; ".join(f"{rule.key} {rule.message}" for rule in rules))


def check_rules(settings: Settings) -> None:
    """Raise Contradiction with every rule that these settings break."""
    if broken := tuple(rule for rule in RULES if rule.broken(settings)):
        raise Contradiction(broken)


def _uses_sasl(settings: Settings) -> bool:
    return settings.kafka.security_protocol.startswith("SASL_")


def _is_nats_encrypted(settings: Settings) -> bool:
    servers = settings.nats.url.get_secret_value().split(",")
    return all(server.strip().startswith(("tls://", "wss://")) for server in servers)


def _is_built(settings: Settings) -> bool:
    return settings.mongodb.uri is None


RULES = (
    Rule(
        "MAX_IN_FLIGHT_MESSAGES",
        "must be at least BATCH_MAX_MESSAGES, or no batch ever fills",
        ("BATCH_MAX_MESSAGES",),
        lambda s: s.batch.max_in_flight_messages < s.batch.max_messages,
    ),
    Rule(
        "MAX_IN_FLIGHT_BYTES",
        "must be at least BATCH_MAX_BYTES, or no batch ever fills",
        ("BATCH_MAX_BYTES",),
        lambda s: s.batch.max_in_flight_bytes < s.batch.max_bytes,
    ),
    Rule(
        "RETRY_MAX_SECONDS",
        "must be at least RETRY_BASE_SECONDS",
        ("RETRY_BASE_SECONDS",),
        lambda s: s.retry.max_seconds < s.retry.base_seconds,
    ),
    Rule(
        "SOURCE",
        "must not be nats with GUARANTEE=at_least_once: NATS core delivers at most once; read the stream by jetstream",
        ("GUARANTEE",),
        lambda s: s.guarantee == "at_least_once" and s.source == "nats",
    ),
    Rule(
        "REPLAY_FILES",
        "must name the files to read with SOURCE=file",
        ("SOURCE",),
        lambda s: s.source == "file" and not s.file.files,
    ),
    Rule(
        "LOCAL_PATH",
        "must not contain a question mark: SQLite takes what follows it for options",
        (),
        lambda s: "?" in str(s.local.path),
    ),
    Rule(
        "KAFKA_SASL_USERNAME",
        "must be set with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT or SASL_SSL",
        ("KAFKA_SECURITY_PROTOCOL",),
        lambda s: _uses_sasl(s) and not s.kafka.sasl_username,
    ),
    Rule(
        "KAFKA_SASL_PASSWORD",
        "must be set with KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT or SASL_SSL",
        ("KAFKA_SECURITY_PROTOCOL",),
        lambda s: _uses_sasl(s) and not s.kafka.sasl_password,
    ),
    Rule(
        "KAFKA_SECURITY_PROTOCOL",
        "must be SASL_PLAINTEXT or SASL_SSL, or KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are never used",
        ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"),
        lambda s: not _uses_sasl(s) and bool(s.kafka.sasl_username or s.kafka.sasl_password),
    ),
    Rule(
        "MONGODB_TLS",
        "must not be off with MONGODB_TLS_CA_FILE or MONGODB_TLS_CERT_FILE, which are for TLS",
        ("MONGODB_TLS_CA_FILE", "MONGODB_TLS_CERT_FILE"),
        lambda s: s.mongodb.tls == "off" and bool(s.mongodb.tls_ca_file or s.mongodb.tls_cert_file),
    ),
    Rule(
        "NATS_URL",
        "must name servers with tls:// or wss:// only, or NATS_TLS_CA_FILE and NATS_TLS_CERT_FILE promise too much",
        ("NATS_TLS_CA_FILE", "NATS_TLS_CERT_FILE"),
        lambda s: bool(s.nats.tls_ca_file or s.nats.tls_cert_file) and not _is_nats_encrypted(s),
    ),
    Rule(
        "NATS_TLS_KEY_FILE",
        "must be set together with NATS_TLS_CERT_FILE",
        ("NATS_TLS_CERT_FILE",),
        lambda s: (s.nats.tls_key_file is None) != (s.nats.tls_cert_file is None),
    ),
    Rule(
        "METADATA_TLS_KEY_FILE",
        "must be set together with METADATA_TLS_CERT_FILE",
        ("METADATA_TLS_CERT_FILE",),
        lambda s: (s.metadata.tls_key_file is None) != (s.metadata.tls_cert_file is None),
    ),
    Rule(
        "MONGODB_PASSWORD",
        "must be set with MONGODB_USER, unless MONGODB_URI is",
        ("MONGODB_USER", "MONGODB_URI"),
        lambda s: _is_built(s) and bool(s.mongodb.user) and not s.mongodb.password,
    ),
    Rule(
        "MONGODB_USER",
        "must be set with MONGODB_PASSWORD, unless MONGODB_URI is",
        ("MONGODB_PASSWORD", "MONGODB_URI"),
        lambda s: _is_built(s) and bool(s.mongodb.password) and not s.mongodb.user,
    ),
)
