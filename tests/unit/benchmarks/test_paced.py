"""How long a message takes, from two notes of the same clock; and when messages are published."""

from __future__ import annotations

import pytest

from benchmarks.feeds import feed
from benchmarks.paced import latency
from benchmarks.pacer import PROBE, core_trades, message_id, steps
from benchmarks.spans import NotMeasured
from benchmarks.trades import documents
from benchmarks.writes import flushes


def test_percentiles_are_of_all_but_the_first_fifth() -> None:
    went = {f"id-{n}": float(n) for n in range(1000)}
    came = {key: when + (9.0 if when < 200 else 0.050) for key, when in went.items()}
    came["id-999"] += 1.0

    assert latency(went, came) == pytest.approx({"p50_ms": 50, "p99_ms": 50})


def test_a_document_that_nobody_saw_is_no_measurement() -> None:
    with pytest.raises(NotMeasured, match="1 of 80 documents"):
        latency({str(n): 0.0 for n in range(100)}, {str(n): 0.1 for n in range(99)})


def test_messages_go_in_small_steps_by_the_clock() -> None:
    planned = list(steps(feed("trades", 250).messages, 20_000))

    assert [(due, len(step)) for due, step in planned] == [(0.0, 100), (0.005, 100), (0.01, 50)]


def test_the_note_names_the_document_that_the_product_stores() -> None:
    messages = [message for message in core_trades(200) if message.key == PROBE]

    assert [message_id(message) for message in messages] == [
        document["_id"] for document in documents(messages)[f"trades_{PROBE}"]
    ]


def test_flushes_are_summed_up_over_labels() -> None:
    text = '# TYPE tapestore_flush_messages histogram\ntapestore_flush_messages_bucket{le="1"} 7\n'
    assert flushes(text + "tapestore_flush_messages_count 12\ntapestore_flush_messages_sum 99\n") == 12
