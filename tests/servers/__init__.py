"""Real servers for the tests: one module each, all with the face of `Server`; nothing is mocked that can run here."""

from tests.servers.kafka import Kafka
from tests.servers.mariadb import MariaDB
from tests.servers.mongodb import MongoDB
from tests.servers.nats import Nats
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server, ServerError, free_port
from tests.servers.tools import Faketime, Helm, Kubeconform, Tool

__all__ = [
    "SERVERS",
    "TOOLS",
    "Faketime",
    "Helm",
    "Kafka",
    "Kubeconform",
    "MariaDB",
    "MongoDB",
    "Nats",
    "PostgreSQL",
    "Server",
    "ServerError",
    "Tool",
    "free_port",
]

SERVERS: tuple[type[Server], ...] = (MongoDB, Nats, Kafka, MariaDB, PostgreSQL)
TOOLS: tuple[type[Tool], ...] = (Helm, Kubeconform, Faketime)
