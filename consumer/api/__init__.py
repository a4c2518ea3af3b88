"""Probes, metrics and status over HTTP; it reads snapshots that it is given and changes nothing.

`app` and `server` are imported where a server begins: messages come first, and a replay serves nothing.
"""

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
]
