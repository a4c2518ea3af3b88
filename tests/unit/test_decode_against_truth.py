"""What the decoder makes of a simulated market is what the simulator knows to be true."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import pytest

from consumer.decode import Decoder
from consumer.errors import DecodeError
from consumer.messages import Message
from consumer.simulator import Faults, Market, Simulated
from storage import TABLE_OF, Reason, Record
from storage.packed import plain

COUNT = 4_000


class Memory:
    """The least store there is: documents by collection and key, the newest version or the first content."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, Record]] = {}
        self.dead_letters: Counter[Reason] = Counter()
        self.ignored = 0
        self._decoder = Decoder(max_bytes=8 * 1024 * 1024, max_nesting=32)

    def take(self, offset: int, message: Simulated) -> None:
        delivered = Message(
            message.data, "memory", "0", offset, message.subject, message.headers or None, message.time_ms + 7
        )
        try:
            decoded = self._decoder.decode(delivered)
        except DecodeError as error:
            self.dead_letters[error.reason] += 1
            return
        self.dead_letters.update(failure.error.reason for failure in decoded.failures)
        self.ignored += not decoded.records and not decoded.failures
        for _, record in decoded.records:
            self._put(plain(record))

    def _put(self, record: Record) -> None:
        table = TABLE_OF[type(record)]
        collection = self.collections.setdefault(table.collection(record), {})
        stored = collection.setdefault(table.key(record), record)
        if table.version and table.version_of(record) > table.version_of(stored):
            collection[table.key(record)] = record

    def documents(self) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [TABLE_OF[type(record)].to_document(record) for record in records.values()]
            for name, records in self.collections.items()
        }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("faults", "subject"),
    [(Faults(), "binance.futures.websocket.data"), (Faults.parse(["all"]), None)],
    ids=["quiet", "all faults, a subject for each symbol"],
)
def test_decoded_records_are_the_truth(seed: int, faults: Faults, subject: str | None) -> None:
    market, memory = Market(seed, 5, faults, subject=subject), Memory()
    for offset, message in enumerate(islice(market, COUNT)):
        memory.take(offset, message)
    assert list(islice(market.truth.differences(memory.documents()), 5)) == []
    assert memory.dead_letters == market.truth.dead_letters
    assert memory.ignored == market.truth.ignored


def test_trace_contexts_are_found_in_headers_and_bodies() -> None:
    decoder = Decoder(max_bytes=1024 * 1024, max_nesting=32)
    found = Counter[str]()
    for message in islice(Market(1, 2), 500):
        decoded = decoder.decode(Message(message.data, "memory", "0", 0, raw_headers=message.headers, time_ms=1))
        where = "headers" if message.headers else "body" if b"_otel_trace_headers" in message.data else "nowhere"
        assert (decoded.traceparent is not None) == (where != "nowhere")
        found[where] += 1
    assert found.keys() == {"headers", "body", "nowhere"}
