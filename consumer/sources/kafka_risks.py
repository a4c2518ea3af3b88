"""How Kafka topics may lose what they have taken."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

ASK_SECONDS = 2.0

Described = Mapping[str, Any]
"""A topic of the Metadata response (Kafka protocol), as aiokafka gives it."""


async def ask(topics: Collection[str], **connection: Any) -> list[str] | None:
    """The risks of these topics, None when the brokers do not say. `connection` is what aiokafka takes."""
    admin = AIOKafkaAdminClient(**connection)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await admin.start()
            described = await admin.describe_topics()  # of all that there are: asking for one by name may make it
    except (TimeoutError, KafkaError, OSError):
        return None
    finally:
        with suppress(KafkaError):
            await admin.close()
    return [risk for topic in described if topic["topic"] in topics for risk in risks_of(topic)]


def risks_of(topic: Described) -> list[str]:
    """What may go wrong with it."""
    if all(len(partition["replicas"]) > 1 for partition in topic["partitions"]):
        return []
    return [f"topic {topic['topic']} has one replica: a disk that fails loses it; give it three"]
