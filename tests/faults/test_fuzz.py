"""Mutated messages for as long as there is time: nothing but DecodeError escapes, and both ways say the same."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults.judge import Figures
from tests.unit.decode.test_decode_properties import mutated
from tests.unit.decode.test_express import EXPRESS, FASTEST, check, mutated_usual

SECONDS = float(os.environ.get("FUZZ_SECONDS", "600"))


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.fault(
    "decoder fuzz",
    injection="mutated samples of every kind, for minutes",
    holds="P1 P5",
    instead=dict.fromkeys(("lost", "duplicate_effects"), "no store in it")
    | dict.fromkeys(("recovery_seconds", "redelivered", "peak_rss_mib"), "the decoder alone, no service"),
)
def test_nothing_but_a_decode_error_escapes_the_decoder(figures: Figures) -> None:
    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated() | mutated_usual())
    def decode(data: bytes) -> None:
        figures.sent += 1
        for ways in (FASTEST, EXPRESS):
            check(data, ways)

    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        decode()
