"""Kafka as a bus under test: a broker of its own that can go away, and doors that ask for a password or speak TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.bus import KafkaSettings
from consumer.sources.kafka import KafkaSource
from tests.contracts.source import BusUnderTest
from tests.servers import Kafka, free_port

PASSWORD = "kafka-canary"

MORE = """
group.min.session.timeout.ms=500
auto.create.topics.enable=true
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_tape="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
"""


class OpenKafka(Kafka):
    """A broker that soon gives up dead members, would make topics for whoever asks, and has three doors."""

    def __init__(self) -> None:
        super().__init__()
        self.sasl = f"127.0.0.1:{free_port()}"
        self.tls = f"127.0.0.1:{free_port()}"
        self.certificate = self.folder / "certificate.pem"

    def prepare(self) -> None:
        super().prepare()
        keystore = self.folder / "keystore.pem"
        private, public = self_signed("127.0.0.1")
        self.certificate.write_bytes(public)
        keystore.write_bytes(private + public)
        file = self.folder / "server.properties"
        doors = f"PLAINTEXT://{self.url},SASL_PLAINTEXT://{self.sasl},SSL://{self.tls}"
        properties = file.read_text().replace(f"PLAINTEXT://{self.url}", doors)
        file.write_text(properties + MORE.format(password=PASSWORD, keystore=keystore))


class KafkaUnderTest(BusUnderTest):
    """One topic of a broker, and one group that has the topic's name."""

    def __init__(self, broker: OpenKafka, topic: str, producer: AIOKafkaProducer) -> None:
        self.broker = broker
        self.topic = topic
        self.producer = producer

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self.broker.kill)
        try:
            yield
        finally:
            await asyncio.to_thread(self.broker.start)

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        pairs = [(name, value.encode()) for name, value in (headers or {}).items()]
        for message in messages:
            await self.producer.send(self.topic, message, headers=pairs)
        await self.producer.flush()

    def settings(self, **values: object) -> KafkaSettings:
        own: dict[str, object] = {
            "bootstrap_servers": self.broker.url,
            "topics": (self.topic,),
            "group_id": self.topic,
        }
        return KafkaSettings.model_validate(own | values)

    def source(
        self,
        settings: KafkaSettings | None = None,
        *,
        prefetch_messages: int = 10_000,
        session_seconds: float = 1.0,
        max_poll_seconds: float = 300.0,
        sorted_messages: int = 10_000,
    ) -> KafkaSource:
        return KafkaSource(
            settings or self.settings(),
            prefetch_messages=prefetch_messages,
            prefetch_bytes=8 * 1024 * 1024,
            sorted_messages=sorted_messages,
            sorted_bytes=8 * 1024 * 1024,
            session_seconds=session_seconds,
            max_poll_seconds=max_poll_seconds,
        )

    async def make(self, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        """Make the topic."""
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(self.topic, partitions, 1, topic_configs=configs)])

    async def delete_until(self, offset: int) -> None:
        """What retention does: of partition 0 only what begins at this offset stays."""
        async with self.admin() as admin:
            await admin.delete_records({TopicPartition(self.topic, 0): RecordsToDelete(before_offset=offset)})

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.url)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def committed(self, partition: int = 0) -> int | None:
        """What the group has committed."""
        async with AIOKafkaConsumer(bootstrap_servers=self.broker.url, group_id=self.topic) as consumer:
            offset: int | None = await consumer.committed(TopicPartition(self.topic, partition))
            return offset


def self_signed(host: str) -> tuple[bytes, bytes]:
    """A private key and a certificate for an address, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)
