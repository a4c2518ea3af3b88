"""python -m benchmarks.naive BOOTSTRAP TOPIC URI DATABASE: what one writes on a first afternoon; the zero mark.

One json.loads and one insert_one a message. It runs until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer
from bson import Decimal128, Int64
from pymongo import AsyncMongoClient

from benchmarks.stores import DURABLE


async def consume(bootstrap: str, topic: str, uri: str, name: str) -> None:
    """Message after message into the collection of its symbol, with the document that the product writes."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id="naive", auto_offset_reset="earliest")
    async with AsyncMongoClient[dict[str, Any]](uri) as client, consumer:
        database = client.get_database(name, write_concern=DURABLE)
        async for message in consumer:
            payload = json.loads(message.value)
            trade = document(payload.get("data", payload))
            await database[f"trades_{trade['symbol']}"].insert_one(trade)


def document(trade: dict[str, Any]) -> dict[str, Any]:
    """A trade of the exchange as the product stores it."""
    time = _time(trade["T"])
    return {
        "_id": f"{trade['s']}_{int(time.timestamp() * 1000)}_{trade['t']}",
        "symbol": trade["s"],
        "timestamp": time,
        "trade_id": Int64(trade["t"]),
        "price": Decimal128(trade["p"]),
        "quantity": Decimal128(trade["q"]),
        "is_buyer_maker": trade["m"],
        "event_time": _time(trade["E"]),
    }


def _time(epoch: int) -> datetime:
    milliseconds = epoch // 1000 if epoch >= 10**14 else epoch
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


if __name__ == "__main__":
    asyncio.run(consume(*sys.argv[1:5]))
