"""TLS to the brokers."""

from __future__ import annotations

import ssl

from config.bus import KafkaSettings
from consumer.errors import SourceRefused


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """What TLS to the brokers trusts, None without TLS; raises SourceRefused for a file that is of no use."""
    if "SSL" not in settings.security_protocol.split("_"):
        return None
    try:
        return ssl.create_default_context(cafile=settings.tls_ca_file)
    except OSError as error:  # an SSLError is one, too
        reason = error.strerror or error
        raise SourceRefused(f"{settings.tls_ca_file}: {reason}", fix="name a PEM file in KAFKA_TLS_CA_FILE") from error
