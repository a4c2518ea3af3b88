"""Benthos 4.27, the last of Redpanda Connect under the MIT licence, built with the components that it needs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import Work
from tests.servers import free_port
from tests.servers.cache import CACHE, call

PROGRAM = CACHE / "peers" / "benthos"
MODULE = Path(__file__).with_name("benthos")
BATCH = {"count": 1000, "period": "100ms"}
CHECKPOINT_LIMIT = 20_000
WRITES = 16


class Benthos:
    """Batches of 1,000, split by collection, sixteen writes in flight; 5,000 were half as fast."""

    title = "Benthos 4.27"
    needs = "go"
    slow = False

    def installed(self) -> bool:
        return PROGRAM.is_file()

    def install(self) -> None:
        call("go", "build", "-C", MODULE, "-trimpath", "-ldflags=-s -w", "-o", PROGRAM, ".")

    def command(self, folder: Path, work: Work) -> Sequence[str | Path]:
        file = folder / "benthos.json"  # which is YAML too
        file.write_text(json.dumps(_configuration(work)))
        return [PROGRAM, "-c", file]


def _configuration(work: Work) -> dict[str, Any]:
    return {
        "http": {"address": f"127.0.0.1:{free_port()}"},
        "logger": {"level": "WARN"},
        "input": {
            "kafka": {
                "addresses": [work.bootstrap],
                "topics": [work.topic],
                "consumer_group": work.name,
                "start_from_oldest": True,
                "checkpoint_limit": CHECKPOINT_LIMIT,
                "batching": BATCH,
            }
        },
        "pipeline": {"processors": [{"group_by_value": {"value": '${! json("s") }'}}]},
        "output": {
            "mongodb": {
                "url": work.uri,
                "database": work.database,
                "collection": '${! json("s") }',
                "operation": "insert-one",
                "document_map": "root = this",
                "write_concern": {"w": "majority" if work.journaled else "1", "j": work.journaled},
                "max_in_flight": WRITES,
            }
        },
    }
