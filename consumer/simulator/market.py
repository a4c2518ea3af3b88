"""A market that never ends and is the same for the same seed.

exchange ─draft─► envelope ─► gaps, conflicts, late candles, disorder, duplicates ─► truth ─► message
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from consumer.simulator.disturbance import Posted, conflicts, disorder, duplicates, gaps, late_candles
from consumer.simulator.drafts import Draft
from consumer.simulator.envelope import FLAT_SUBJECT, Envelope, Simulated
from consumer.simulator.exchange import Exchange
from consumer.simulator.faults import Faults
from consumer.simulator.instruments import Random
from consumer.simulator.kinds import KINDS
from consumer.simulator.truth import Truth

START_MS = 1_743_465_540_000
"""2025-03-31T23:59:00Z: a minute later every candle closes, the month's too, and a funding time passes."""


class Market(Iterator[Simulated]):
    """The messages of `symbols` instruments, of all kinds or some, with faults or without.

    `truth` says at any moment what a store must contain after the messages so far; without `keep_truth` it
    stays empty and memory stays bounded. `step_ms` is the mean time between two messages. Without a
    `subject` each kind and symbol has one of its own: md.<exchange>.<market>.<type>.<symbol>[.<timeframe>].
    """

    def __init__(
        self,
        seed: int = 0,
        symbols: int = 10,
        faults: Faults | None = None,
        *,
        kinds: Sequence[str] = tuple(KINDS),
        subject: str | None = FLAT_SUBJECT,
        start_ms: int = START_MS,
        step_ms: float = 20.0,
        keep_truth: bool = True,
    ) -> None:
        self.truth = Truth()
        self._seed = seed
        self._keep_truth = keep_truth
        exchange = Exchange(symbols, kinds, start_ms, step_ms, self._chance("market"))
        self._stream = self._posted(exchange, Envelope(self._chance("envelope"), subject), faults or Faults())

    def __next__(self) -> Simulated:
        message, draft = next(self._stream)
        if self._keep_truth:
            self.truth.observe(draft)
        return message

    def _posted(self, exchange: Exchange, envelope: Envelope, faults: Faults) -> Iterator[Posted]:
        drafts = exchange.drafts(faults.same_ms, faults.broken, self._chance("trouble"))
        stream: Iterator[Posted] = (Posted(envelope.wrap(draft), draft) for draft in drafts)
        if faults.gap:
            stream = gaps(stream, faults.gap, self._chance("gap"), self._withhold)
        if faults.conflicts:
            stream = conflicts(stream, faults.conflicts, envelope)
        if faults.late_candles:
            stream = late_candles(stream, faults.late_candles, self._chance("late candles"))
        if faults.disorder:
            stream = disorder(stream, faults.disorder, self._chance("disorder"))
        if faults.duplicates:
            stream = duplicates(stream, faults.duplicates, self._chance("duplicates"))
        return stream

    def _withhold(self, draft: Draft) -> None:
        if self._keep_truth:
            self.truth.withhold(draft)

    def _chance(self, name: str) -> Random:
        """A generator of its own for each noun, so that one more fault changes nothing else."""
        return random.Random(f"{self._seed} {name}").random  # noqa: S311 - repeatable, not secret
