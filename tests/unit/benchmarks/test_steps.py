"""Which step of the flow a stack belongs to."""

from __future__ import annotations

from collections import Counter

from benchmarks.steps import by_step, step

LOOP = "/lib/python3.11/asyncio/base_events.py:run_forever"
PIPELINE = "/app/consumer/pipeline/pipeline.py:Pipeline._take_one"


def test_the_innermost_function_that_has_a_step_decides() -> None:
    assert step(f"{LOOP};{PIPELINE}") == "ticket, route, count, batch"
    assert step(f"{LOOP};{PIPELINE};/app/consumer/decode/decoder.py:_decode") == "decode"


def test_a_helper_belongs_to_its_caller() -> None:
    key = "/app/storage/tables.py:<lambda>;/app/storage/times.py:to_ms"

    assert step(f"{PIPELINE};/app/consumer/pipeline/collapse.py:collapse;{key}") == "collapse"
    assert step(f"{PIPELINE};/app/storage/adapters/mongodb/documents.py:Encoder.__call__;{key}") == "encode"


def test_the_compiled_encoders_are_known_by_name() -> None:
    assert step(f"{PIPELINE};/app/consumer/decode/shapes/trades.py:TradeShape.packed;<string>:pack") == "encode"


def test_what_nobody_knows_is_other() -> None:
    assert step("/usr/lib/somewhere.py:f") == "other"


def test_steps_are_summed_up() -> None:
    assert by_step({LOOP: 2, f"{LOOP};{PIPELINE}": 3, PIPELINE: 4}) == Counter(
        {"ticket, route, count, batch": 7, "event loop": 2}
    )
