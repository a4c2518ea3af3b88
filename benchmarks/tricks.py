"""python -m benchmarks.tricks: from a message to what MongoDB is sent, by the long way and by the fast ones.

No server, no bus: µs of CPU a message. The best of some rounds counts: whatever else the machine does makes it slower.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.feeds import feed
from benchmarks.report import aligned
from consumer.decode import Decoder
from consumer.decode.express import Express
from consumer.messages import Message
from storage.adapters.mongodb.documents import ENCODERS
from storage.adapters.mongodb.packing import PACKS, PLAIN
from storage.packed import NO_PACKS, Packs, plain

MESSAGES = 10_000
ROUNDS = 7
HEAD = ("from a message to its document, µs of CPU", "records, then BSON", "packed by Python", "compiled")
Way = Callable[[Sequence[Message]], Any]


class Nothing(Express):
    """Finds no message usual."""

    def __call__(self, data: bytes) -> None:
        return None


def _decoder(packs: Packs) -> Decoder:
    return Decoder(max_bytes=1 << 20, max_nesting=32, packs=packs)


def _by_records(table: str) -> Way:
    decoder, encode = _decoder(NO_PACKS), ENCODERS[table]
    decoder._express = Nothing(NO_PACKS)
    return lambda messages: [encode(plain(item)) for each in messages for item in decoder.decode(each).items]


def _packed(decoder: Decoder) -> Way:
    return lambda messages: [decoder.decode(message) for message in messages]


def _read(decoder: Decoder) -> Way:
    return lambda messages: decoder.read([message.data for message in messages])


def _cost(way: Way, messages: Sequence[Message]) -> float:
    """µs of CPU a message; the first round warms up."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        way(messages)
        rounds.append(time.process_time() - begun)
    return min(rounds[1:]) / len(messages) * 1e6


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser("python -m benchmarks.tricks", description=__doc__).parse_args()
    lines = []
    for kind in ("trades", "depth"):
        sent = feed(kind, MESSAGES).messages
        messages = [Message(each.data, "bench", "t/0", number) for number, each in enumerate(sent)]
        gc.freeze()
        ways = (_by_records(kind), _packed(_decoder(PLAIN)), _read(_decoder(PACKS)))
        lines.append((kind, *(f"{_cost(way, messages):.2f}" for way in ways)))
    print(aligned([HEAD, *lines]))


if __name__ == "__main__":
    main()
