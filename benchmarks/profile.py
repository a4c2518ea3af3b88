"""python -m benchmarks.profile FLOW [--messages N]: where the CPU time of a flow goes, in µs a message, by step.

Measured between a tenth and nine tenths of the flow, with the cost of looking in it. results/FLOW.svg is the flame
graph of the same stacks, which are kept in results/profile.json.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.bench import USUAL, Bench
from benchmarks.flame import flame
from benchmarks.flows import END_SECONDS, looks, prepared, run, settings
from benchmarks.process import Process
from benchmarks.report import RESULTS, aligned
from benchmarks.routes import ROUTES, Route, ends, held_back
from benchmarks.spans import NotMeasured, Sample, Span, between
from benchmarks.steps import Stacks, by_step


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when there is a table, 1 when nothing could be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.profile", description=__doc__)
    parser.add_argument("flow", choices=ROUTES)
    parser.add_argument("--messages", type=int, default=USUAL.messages, help="of the benchmark, which a feed shares")
    asked = parser.parse_args(arguments)
    try:
        with Bench(USUAL._replace(messages=asked.messages)) as bench:
            span, stacks, collecting_seconds = _profiled(ROUTES[asked.flow], bench)
    except NotMeasured as error:
        print(f"NOT MEASURED: {error}", file=sys.stderr)
        return 1
    print(table(span, stacks, collecting_seconds))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "profile.json").write_text(json.dumps(stacks))
    picture = RESULTS / f"{asked.flow}.svg"
    picture.write_text(flame(stacks, span.cpu_us, ROUTES[asked.flow].title))
    print(f"flame graph: {picture}", file=sys.stderr)
    return 0


def _profiled(route: Route, bench: Bench) -> tuple[Span, Stacks, float]:
    """The part of the flow that was looked into, how often each stack was seen, and the collector's CPU seconds."""
    feed = bench.feed(route.feed)
    messages, unmeasured = len(feed.messages), feed.unmeasured
    measured = messages - unmeasured
    sampled = (sys.executable, "-m", "benchmarks.sampled", "seen.json")
    with ends(route, bench) as (bus, store, arrived), held_back(bus, feed) as held:
        with Process([*sampled, *run(held)], settings(bus, store)) as process:
            prepared(process, arrived, messages, bench.row_seconds, held)
            samples = (sample for sample, _ in looks(process, arrived, bench.row_seconds))
            first = _when(samples, unmeasured + measured * 0.1, process)
            last = _when(samples, unmeasured + measured * 0.9, process)
            process.end(END_SECONDS)
            seen = json.loads((process.folder / "seen.json").read_text())
    return between(first, last), seen["stacks"], seen["collecting_seconds"]


def _when(samples: Iterator[Sample], messages: float, process: Process) -> Sample:
    """The first look that sees so many; tells the profiler to begin, or to end."""
    for sample in samples:
        if sample.messages >= messages:
            process.signal(signal.SIGUSR1)
            return sample
    raise process.failure(f"{messages:.0f} messages did not arrive in time")


def table(span: Span, stacks: Stacks, collecting_seconds: float) -> str:
    """µs a message and share of each step, in Markdown."""
    steps = by_step(stacks)
    lines = [(step, f"{span.cpu_us * share:.1f}", f"{share:.0%}") for step, share in _shares(steps)]
    collecting = collecting_seconds * 1e6 / span.messages
    ends = [("all", f"{span.cpu_us:.1f}", "100%"), ("in it: garbage collection", f"{collecting:.1f}", "")]
    return aligned([("step", "µs a message", "share"), *lines, *ends])


def _shares(steps: Counter[str]) -> list[tuple[str, float]]:
    return [(step, count / steps.total()) for step, count in steps.most_common()]


if __name__ == "__main__":
    sys.exit(main())
