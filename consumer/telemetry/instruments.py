"""Metrics as declarations: a name, a unit, a sentence, and labels from closed sets.

An instrument keeps its own numbers, in plain dicts, and is read when somebody asks: a measurement of the
SDK costs 10 µs, and a batch takes a dozen. A label value outside its set is counted as "other": a series
can be wrong, but their number cannot grow.
"""

from __future__ import annotations

import itertools
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import export

OTHER = "other"
_UNITS = {"s": "_seconds", "By": "_bytes"}

Series = tuple[str, ...]
"""Label values in the order of the declaration."""

Reading = float | Mapping[Series, float] | None
"""One number, or one for each series, or nothing known."""


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

    @property
    def prometheus_name(self) -> str:
        """The name in the exposition; a histogram appends `_bucket`, `_sum` and `_count` to it."""
        name = self.name.replace(".", "_")
        unit = _UNITS.get(self.unit, "")
        return name.removesuffix(unit) + unit + self.suffix

    def bind(self, meter: Meter) -> None:
        """Start from zero, and be read by this meter from now on."""

    def attributes(self, series: Series) -> dict[str, str]:
        """The labels with the values of a series."""
        return dict(zip(self.labels, self.known(series), strict=True))

    def known(self, series: Series) -> Series:
        """The series with values of the closed sets only."""
        pairs = zip(self.labels.values(), series, strict=True)
        return tuple(str(value) if value in allowed else OTHER for allowed, value in pairs)


class Observed(Instrument):
    """A number that somebody else keeps."""

    kind = "gauge"
    _read: Callable[[], Reading] | None = None

    def bind(self, meter: Meter) -> None:
        meter.create_observable_gauge(self.name, [self._observations], self.unit, self.description)

    def observe(self, read: Callable[[], Reading]) -> None:
        """Read the number by this function from now on; it must not wait."""
        self._read = read

    def read(self) -> Reading:
        """The number now."""
        return self._read() if self._read is not None else None

    def _observations(self, _options: CallbackOptions) -> Iterable[Observation]:
        match self.read():
            case None:
                return []
            case float() | int() as number:
                return [Observation(number, {})]
            case numbers:
                return [Observation(number, self.attributes(series)) for series, number in numbers.items()]


class ObservedTotal(Observed):
    """The same for a number that only grows."""

    kind = "counter"
    suffix = "_total"

    def bind(self, meter: Meter) -> None:
        meter.create_observable_counter(self.name, [self._observations], self.unit, self.description)


class Counter(ObservedTotal):
    """Counts events as they happen; with at most one label it is there, at 0, before the first one."""

    _totals: dict[Series, float] | None = None

    def bind(self, meter: Meter) -> None:
        series = itertools.product(*self.labels.values()) if len(self.labels) <= 1 else ()
        self._totals = dict.fromkeys(series, 0)
        super().bind(meter)

    def add(self, amount: float, *series: str) -> None:
        """Count `amount` more."""
        totals = self._totals
        if totals is None:
            return
        if series not in totals:
            series = self.known(series)
        totals[series] = totals.get(series, 0) + amount

    def read(self) -> Reading:
        return self._totals


class Gauge(Observed):
    """Holds the last value that it was set to."""

    _values: dict[Series, float] | None = None

    def bind(self, meter: Meter) -> None:
        self._values = {}
        super().bind(meter)

    def set(self, value: float, *series: str) -> None:
        """Hold this value."""
        if self._values is not None:
            self._values[self.known(series)] = value

    def read(self) -> Reading:
        return self._values


class Histogram(Instrument):
    """Spreads values over fixed buckets; a value equal to a bound belongs to the bucket below it."""

    kind = "histogram"

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
        self._counts: dict[Series, list[int]] | None = None
        self._sums: dict[Series, float] = {}
        self._since = 0

    def bind(self, meter: Meter) -> None:
        self._counts, self._sums, self._since = {}, {}, time.time_ns()

    def record(self, value: float, *series: str) -> None:
        """Note one value."""
        if self._counts is None:
            return
        counts = self._counts.get(series)
        if counts is None:
            series = self.known(series)
            counts = self._counts.setdefault(series, [0] * (len(self.buckets) + 1))
        counts[bisect_left(self.buckets, value)] += 1
        self._sums[series] = self._sums.get(series, 0.0) + value

    def metric(self) -> export.Metric:
        """What was noted so far, in OpenTelemetry's data model; the SDK has no observable histogram."""
        points = [self._point(series, counts) for series, counts in (self._counts or {}).items()]
        data = export.Histogram(points, export.AggregationTemporality.CUMULATIVE)
        return export.Metric(self.name, self.description, self.unit, data)

    def _point(self, series: Series, counts: Sequence[int]) -> export.HistogramDataPoint:
        return export.HistogramDataPoint(
            attributes=self.attributes(series),
            start_time_unix_nano=self._since,
            time_unix_nano=time.time_ns(),
            count=sum(counts),
            sum=self._sums[series],
            bucket_counts=tuple(counts),
            explicit_bounds=self.buckets,
            min=0.0,
            max=0.0,
        )
