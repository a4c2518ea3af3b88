"""Between whom batches move, in the words of the semantic conventions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from consumer.telemetry import names

Attributes = dict[str, str | int]

_RECEIVE = {"jetstream": "fetch", "kafka": "poll"}
_SETTLE = {"kafka": "commit"}


@dataclass(frozen=True)
class Bus:
    """The source by its name, its durable or group, its server."""

    source: str
    consumer: str = ""
    address: str = ""
    port: int = 0

    @cached_property
    def system(self) -> str:
        """`messaging.system`: JetStream and NATS core are both nats."""
        return names.bus_of(self.source)

    @cached_property
    def receiving(self) -> str:
        """The bus's own word for taking messages."""
        return _RECEIVE.get(self.source, "receive")

    @cached_property
    def settling(self) -> str:
        """The bus's own word for settling them."""
        return _SETTLE.get(self.source, "ack")

    @cached_property
    def attributes(self) -> Attributes:
        """What every span of this bus carries."""
        durable = self.source == "jetstream"
        consumer = names.MESSAGING_SUBSCRIPTION_NAME if durable else names.MESSAGING_CONSUMER_GROUP
        return _told({names.MESSAGING_SYSTEM: self.system, consumer: self.consumer, **_server(self.address, self.port)})

    def operation(self, kind: str, name: str, destination: str, count: int) -> Attributes:
        """The attributes of one operation on `count` messages of a destination."""
        wild = "*" in destination or ">" in destination
        return {
            **self.attributes,
            names.MESSAGING_DESTINATION_TEMPLATE if wild else names.MESSAGING_DESTINATION_NAME: destination,
            names.MESSAGING_OPERATION_TYPE: kind,
            names.MESSAGING_OPERATION_NAME: name,
            names.MESSAGING_BATCH_COUNT: count,
        }


@dataclass(frozen=True)
class Database:
    """The store; `system` is mongodb, parquet…, `namespace` the database's name."""

    system: str
    namespace: str = ""
    address: str = ""
    port: int = 0

    def operation(self, name: str, collection: str, records: int) -> Attributes:
        """The attributes of one write of `records` records."""
        said = _told(
            {names.DB_SYSTEM_NAME: self.system, names.DB_NAMESPACE: self.namespace, **_server(self.address, self.port)}
        )
        size = {names.DB_OPERATION_BATCH_SIZE: records} if records >= 2 else {}
        return {**said, names.DB_OPERATION_NAME: name, names.DB_COLLECTION_NAME: collection, **size}


def _server(address: str, port: int) -> Attributes:
    return {names.SERVER_ADDRESS: address, names.SERVER_PORT: port}


def _told(attributes: Attributes) -> Attributes:
    return {name: value for name, value in attributes.items() if value}
