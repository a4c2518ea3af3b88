"""What limits each row now, in words, for docs/performance.md: change them when `make profile` says something else."""

from __future__ import annotations

from collections.abc import Mapping

_ONE_CORE = "the consumer's one core"

LIMITS: Mapping[str, str] = {
    "kafka-mongodb": f"{_ONE_CORE}: see `make profile`; its start is the import",
    "tapestore": "two cores: mongod takes more of them than we do, Kafka the rest",
    "jetstream-mongodb": "its server needs as much CPU as we do, and mongod as much again",
    "file-mongodb": f"{_ONE_CORE}",
    "file-parquet": f"{_ONE_CORE}: no step of it is more than a fifth",
    "depth": "bytes: three kilobytes a message, copied from the broker to the server",
    "mixed": "the depth diffs in it; funding rates are versioned, so each flush updates one document a symbol",
    "many-symbols": "a command for each batch of about 280, in PyMongo and in mongod, and what sorting costs us",
    "redelivered": "nothing of it is sent again: what is left is decoding",
    "candles": "nothing: a flush writes the newest of each candle",
    "kafka-paced": "two cores for publisher, broker, consumer and database",
    "any row": "messages in flight, as bytes and as documents; Arrow's own memory for files",
    "two-workers": "batches are half as large",
}
