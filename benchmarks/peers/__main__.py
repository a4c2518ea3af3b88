"""python -m benchmarks.peers [--messages N] [--record]: the peers and tapestore in one run, on one mongod.

A peer that is not there is brought. What cannot be is told, and the exit code stays 0: a machine without Java or Go
measures the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks import recorded
from benchmarks.bench import USUAL, Bench
from benchmarks.measure import measure, told
from benchmarks.peers.rows import PEER_ROWS
from benchmarks.report import as_json
from benchmarks.targets import PEER_TARGETS

SECONDS = 600
ROUNDS = 5  # a second of tapestore, a few of the others: three told what the machine did meanwhile


def main(arguments: Sequence[str] | None = None) -> int:
    """0, also when a peer could not be measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--messages", type=int, default=USUAL.messages)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--record", action="store_true", help="keep the figures, on a quiet machine")
    asked = parser.parse_args(arguments)
    with Bench(USUAL._replace(messages=asked.messages, rounds=ROUNDS, seconds=SECONDS)) as bench:
        report = measure(bench, PEER_ROWS)
    found = as_json(report)
    if asked.record:
        recorded.record("peers", found)
    print(json.dumps(found, indent=2, ensure_ascii=False) if asked.json else told(report, PEER_TARGETS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
