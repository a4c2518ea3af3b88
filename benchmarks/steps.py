"""Where CPU time goes: stacks that a profiler has seen, summed up by the steps of the flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    "/aiokafka/": "bus client",
    "/nats/": "bus client",
    "/consumer/sources/": "source: deliver, settle",
    "/consumer/decode/": "decode",
    "/consumer/pipeline/collapse": "collapse",
    "/consumer/pipeline/writer": "fates, settle",
    "/consumer/pipeline/entries": "fates, settle",
    "/consumer/pipeline/ticket": "fates, settle",
    "/consumer/pipeline/": "ticket, route, count, batch",
    "/storage/adapters/mongodb/documents": "encode",
    "/storage/adapters/mongodb/packing": "encode",
    "<string>:pack": "encode",  # compiled there
    "/storage/adapters/": "store: requests, results",
    "/storage/repositories/": "store: requests, results",
    "/pymongo/": "database client",
    "/bson/": "database client",
    "/pyarrow/": "database client",
    "/consumer/telemetry/": "telemetry",
    "/asyncio/": "event loop",
    "/selectors.py": "event loop",
}
OTHER = "other"

Stacks = Mapping[str, int]
"""How often each stack was seen: `file:function` from the outermost to the innermost, semicolons between."""


def step(stack: str) -> str:
    """The step that a stack belongs to: that of the innermost function that has one.

    The time of a helper, and of C code, is the time of whoever called it.
    """
    for frame in reversed(stack.split(";")):
        for part, name in STEPS.items():
            if part in frame:
                return name
    return OTHER


def by_step(stacks: Stacks) -> Counter[str]:
    """How often each step was seen, from how often each stack was."""
    seen: Counter[str] = Counter()
    for stack, count in stacks.items():
        seen[step(stack)] += count
    return seen
