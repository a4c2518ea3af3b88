"""The messages of every row: trades of ten symbols, the same in each run."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from bson.raw_bson import RawBSONDocument

from config import load
from consumer.decode import Decoder
from consumer.messages import Message
from consumer.simulator.envelope import Simulated
from consumer.simulator.market import Market
from storage import TABLE_OF
from storage.adapters.mongodb.documents import ENCODERS
from storage.packed import plain

SYMBOLS = 10
STEP_MS = 1.0  # a busy market: a thousand trades a second
SUBJECT = "bench.trades"

Documents = dict[str, list[RawBSONDocument]]
"""By collection."""


def trades(count: int) -> list[Simulated]:
    """The first `count` messages of the market, as a publisher sends them: wrapped or flat, traced or not."""
    market = Market(symbols=SYMBOLS, kinds=("trade",), subject=SUBJECT, step_ms=STEP_MS, keep_truth=False)
    return list(islice(market, count))


def documents(messages: Iterable[Simulated]) -> Documents:
    """The documents of these messages, encoded as the product encodes them."""
    limits = load({}).message
    decoder = Decoder(max_bytes=limits.max_message_bytes, max_nesting=limits.max_nesting)
    found: Documents = {}
    for message in messages:
        for item in decoder.decode(Message(message.data, "bench", "", 0)).items:
            record = plain(item)
            table = TABLE_OF[type(record)]
            document = RawBSONDocument(ENCODERS[table.name](record)[1])
            found.setdefault(table.collection(record), []).append(document)
    return found
