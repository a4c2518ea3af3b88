"""Names of OpenTelemetry's semantic conventions 1.44.0, as far as we emit them.

Pinned here because the messaging ones are still in development: a new release of the package must not
rename what dashboards read. A test holds them against the installed package and refuses deprecated ones.
"""

from __future__ import annotations

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

SERVICE_NAME = "service.name"
SERVICE_VERSION = "service.version"
SERVICE_INSTANCE_ID = "service.instance.id"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"

MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION_NAME = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"
MESSAGING_DESTINATION_NAME = "messaging.destination.name"
MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template"
MESSAGING_SUBSCRIPTION_NAME = "messaging.destination.subscription.name"
MESSAGING_CONSUMER_GROUP = "messaging.consumer.group.name"
MESSAGING_BATCH_COUNT = "messaging.batch.message_count"

DB_SYSTEM_NAME = "db.system.name"
DB_NAMESPACE = "db.namespace"
DB_COLLECTION_NAME = "db.collection.name"
DB_OPERATION_NAME = "db.operation.name"
DB_OPERATION_BATCH_SIZE = "db.operation.batch.size"

CONSUMED_MESSAGES = "messaging.client.consumed.messages"
BUS_OPERATION_DURATION = "messaging.client.operation.duration"
PROCESS_DURATION = "messaging.process.duration"
DB_POOL_NAME = "db.client.connection.pool.name"
DB_CONNECTION_STATE = "db.client.connection.state"
DB_CONNECTIONS = "db.client.connection.count"
DB_CONNECTIONS_MAX = "db.client.connection.max"
DB_CONNECTIONS_PENDING = "db.client.connection.pending_requests"
DB_CONNECTION_WAIT = "db.client.connection.wait_time"
DATABASE_OPERATION_DURATION = "db.client.operation.duration"

# Our own namespace, for what the conventions have no name for.
FLUSH_TRIGGER = "tapestore.flush.trigger"
RECORD_KIND = "tapestore.record.kind"

BUSES = ("nats", "kafka", "file", "memory")
BUS_OPERATIONS = ("fetch", "poll", "receive", "ack", "commit")
DATABASES = ("mongodb", "parquet", "mysql", "mariadb", "postgresql", "sqlite", "memory")
POOLS = ("store", "metadata")
DATABASE_OPERATIONS = ("insert", "update")

_BUS_OF = {"jetstream": "nats"}


def bus_of(source: str) -> str:
    """The `messaging.system` of a source: JetStream and NATS core are both nats."""
    return _BUS_OF.get(source, source)
