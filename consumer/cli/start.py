"""What most verbs do first."""

from __future__ import annotations

from config import Settings, load
from consumer.telemetry.logs import configure_logs


def settings() -> Settings:
    """The settings of this process, with its logs set up; raises ConfigError."""
    loaded = load()
    configure_logs(loaded.telemetry)
    return loaded
