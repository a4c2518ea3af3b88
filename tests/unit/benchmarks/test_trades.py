"""The messages and documents of the benchmark."""

from __future__ import annotations

from benchmarks.trades import SYMBOLS, documents, trades


def test_every_run_has_the_same_messages() -> None:
    assert trades(50) == trades(50)


def test_every_message_is_one_document_of_its_own() -> None:
    stored = documents(trades(500))

    assert len(stored) == SYMBOLS
    assert len({document["_id"] for of_one in stored.values() for document in of_one}) == 500
