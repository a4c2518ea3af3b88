"""Metrics as declarations: a name, a unit, a sentence, and labels from closed sets.

An instrument counts nothing until `bind` gives it a meter, and costs next to nothing until then. A label
value outside its set is counted as "other": a series can be wrong, but their number cannot grow.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opentelemetry import metrics as api
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

OTHER = "other"

Reading = float | Mapping[tuple[str, ...], float] | None
"""One number, or one for each combination of label values, or nothing known."""


class Instrument:
    """One metric, declared once; `labels` maps each label to its closed set of values."""

    kind: ClassVar[str]
    suffix: ClassVar[str] = ""

    def __init__(
        self, name: str, unit: str, description: str, labels: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.name = name
        self.unit = unit
        self.description = description
        self.labels = {label: tuple(values) for label, values in (labels or {}).items()}

    def bind(self, meter: Meter) -> None:
        """Count with this meter from now on."""
        raise NotImplementedError

    def view(self) -> View:
        """What keeps every label that was not declared out of the exposition."""
        return View(instrument_name=self.name, attribute_keys=set(self.labels))

    def attributes(self, values: Iterable[str]) -> dict[str, str]:
        """The labels with these values, in the order of the declaration."""
        pairs = zip(self.labels.items(), values, strict=True)
        return {label: value if value in allowed else OTHER for (label, allowed), value in pairs}


class Counter(Instrument):
    """Counts events as they happen; with at most one label it is there, at 0, before the first one."""

    kind = "counter"
    suffix = "_total"
    _counter: api.Counter | None = None

    def bind(self, meter: Meter) -> None:
        self._counter = meter.create_counter(self.name, self.unit, self.description)
        if len(self.labels) <= 1:
            for values in itertools.product(*self.labels.values()):
                self.add(0, *values)

    def add(self, amount: float, *values: str) -> None:
        """Count `amount` more, with label values in the order of the declaration."""
        if self._counter is not None:
            self._counter.add(amount, self.attributes(values))


class Histogram(Instrument):
    """Spreads values over fixed buckets."""

    kind = "histogram"
    _histogram: api.Histogram | None = None

    def __init__(
        self,
        name: str,
        unit: str,
        description: str,
        labels: Mapping[str, Sequence[str]] | None = None,
        *,
        buckets: Sequence[float],
    ) -> None:
        super().__init__(name, unit, description, labels)
        self.buckets = tuple(buckets)

    def bind(self, meter: Meter) -> None:
        self._histogram = meter.create_histogram(self.name, self.unit, self.description)

    def view(self) -> View:
        buckets = ExplicitBucketHistogramAggregation(self.buckets)
        return View(instrument_name=self.name, attribute_keys=set(self.labels), aggregation=buckets)

    def record(self, value: float, *values: str) -> None:
        """Note one value, with label values in the order of the declaration."""
        if self._histogram is not None:
            self._histogram.record(value, self.attributes(values))


class Gauge(Instrument):
    """Holds the last value that it was set to."""

    kind = "gauge"
    _gauge: Any = None

    def bind(self, meter: Meter) -> None:
        self._gauge = meter.create_gauge(self.name, self.unit, self.description)

    def set(self, value: float, *values: str) -> None:
        """Hold this value, with label values in the order of the declaration."""
        if self._gauge is not None:
            self._gauge.set(value, self.attributes(values))


class Observed(Instrument):
    """A number that somebody else keeps and that is read when somebody asks, never before."""

    kind = "gauge"
    _read: Callable[[], Reading] | None = None

    def bind(self, meter: Meter) -> None:
        meter.create_observable_gauge(self.name, [self._observations], self.unit, self.description)

    def observe(self, read: Callable[[], Reading]) -> None:
        """Read the number by this function from now on; it must not wait."""
        self._read = read

    def _observations(self, _options: CallbackOptions) -> Iterable[Observation]:
        reading = self._read() if self._read is not None else None
        if reading is None:
            return []
        if isinstance(reading, Mapping):
            return [Observation(number, self.attributes(values)) for values, number in reading.items()]
        return [Observation(reading, {})]


class ObservedTotal(Observed):
    """The same for a number that only grows."""

    kind = "counter"
    suffix = "_total"

    def bind(self, meter: Meter) -> None:
        meter.create_observable_counter(self.name, [self._observations], self.unit, self.description)
