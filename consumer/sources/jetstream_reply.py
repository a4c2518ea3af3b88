"""The reply subject of a JetStream message, which tells where it stands (nats-architecture ADR-15)."""

from __future__ import annotations

_SHORT = 9  # $JS.ACK.stream.consumer.deliveries.sequence.consumer sequence.time.pending
# since domains: $JS.ACK.domain.account.stream.consumer.…, and maybe a random token at the end


def place(reply: str) -> tuple[int, int, int]:
    """The stream sequence, the time in epoch milliseconds (floored) and the number of deliveries."""
    tokens = reply.split(".")
    first = 4 if len(tokens) == _SHORT else 6
    return int(tokens[first + 1]), int(tokens[first + 3]) // 1_000_000, int(tokens[first])


def consumer_sequence(reply: str) -> int:
    """How many deliveries the consumer had made with this one."""
    tokens = reply.split(".")
    return int(tokens[6 if len(tokens) == _SHORT else 8])
