"""Each bus and each store as settings, so that a test can be written once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Told = dict[str, str]
BUSES = ("jetstream", "nats", "kafka", "file")
STORES = ("local", "mongodb")


@pytest.fixture
def bus(request: pytest.FixtureRequest, unique_name: str, tmp_path: Path) -> Told:
    """The settings of a bus of the test's own; parametrised by its name."""
    match request.param:
        case "kafka":
            bootstrap = request.getfixturevalue("kafka_bootstrap")
            return {
                "SOURCE": "kafka",
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
                "KAFKA_TOPICS": unique_name,
                "KAFKA_GROUP_ID": unique_name,
            }
        case "file":
            return {"SOURCE": "file", "REPLAY_FILES": str(tmp_path / "tape.jsonl.zst")}
        case name:
            return {
                "SOURCE": name,
                "NATS_URL": request.getfixturevalue("nats_url"),
                "NATS_STREAM": unique_name,
                "NATS_SUBJECT": f"{unique_name}.data",
                "NATS_DURABLE": unique_name,
            }


@pytest.fixture
def store(request: pytest.FixtureRequest, unique_name: str, tmp_path: Path) -> Told:
    """The settings of an empty store and its metadata; parametrised by its name."""
    local = {"STORE": request.param, "LOCAL_PATH": str(tmp_path / "data"), "MARKET": "test"}
    if request.param == "local":
        return local | {"BATCH_MAX_AGE_SECONDS": "0.5"}
    return local | {
        "MONGODB_URI": request.getfixturevalue("mongodb_uri"),
        "MONGODB_DB": unique_name,
        "METADATA_URL": request.getfixturevalue("mariadb_database"),
    }


Again = Callable[[Told], Told]


@pytest.fixture
def again(unique_name: str) -> Again:
    """The same bus for another consumer, to whom everything is delivered from the start."""
    other = f"{unique_name}-again"
    return lambda told: told | {"NATS_DURABLE": other, "KAFKA_GROUP_ID": other}
