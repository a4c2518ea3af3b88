"""Probes, metrics and status over HTTP; it reads snapshots that it is given and changes nothing."""

from consumer.api.app import build
from consumer.api.server import serve
from consumer.api.status import Check, InFlight, Lane, LineageSpool, Liveness, Snapshots, SourceState, Status

__all__ = [
    "Check",
    "InFlight",
    "Lane",
    "LineageSpool",
    "Liveness",
    "Snapshots",
    "SourceState",
    "Status",
    "build",
    "serve",
]
