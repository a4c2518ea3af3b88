"""The reply subject of a JetStream message, which tells where it stands (nats-architecture ADR-15).

`$JS.ACK.stream.consumer.deliveries.sequence.consumer sequence.time.pending`; with domains `domain.account` follows
`ACK`, and a random token may stand at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_DOTS_WITH_RANDOM_END = 11
_decode = msgspec.json.Decoder(list[tuple[int, int, int, int, int]]).decode


def place(reply: str) -> tuple[int, int, int]:
    """The stream sequence, the time in epoch milliseconds (floored) and the number of deliveries."""
    tokens = _numbers(reply)
    return int(tokens[1]), int(tokens[3][:-6]), int(tokens[0])


def places(replies: Sequence[str]) -> list[tuple[int, int, int]]:
    """The same of each: of one consumer they differ in their numbers only, which are read together, as JSON."""
    head = _head(replies[0])
    text = "],[".join([reply.removeprefix(head) for reply in replies]).replace(".", ",")
    try:
        numbers = _decode(f"[[{text}]]")
    except msgspec.MsgspecError:  # of several consumers, or with a random end
        return [place(reply) for reply in replies]
    return [(sequence, time // 1_000_000, deliveries) for deliveries, sequence, _, time, _ in numbers]


def redelivered(replies: Sequence[str]) -> int:
    """How many of these messages were delivered before."""
    first = f"{_head(replies[0])}1."
    return sum([place(reply)[2] > 1 for reply in replies if not reply.startswith(first)])


def consumer_sequence(reply: str) -> int:
    """How many deliveries the consumer had made with this one."""
    return int(_numbers(reply)[2])


def _head(reply: str) -> str:
    """What stands before the numbers."""
    return reply.removesuffix(".".join(_numbers(reply)))


def _numbers(reply: str) -> list[str]:
    """The tokens from the deliveries on."""
    if reply.count(".") == _DOTS_WITH_RANDOM_END:
        reply = reply.rpartition(".")[0]
    return reply.rsplit(".", 5)[1:]
