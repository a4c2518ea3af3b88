"""Apache Kafka: one KRaft node, broker and controller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers.cache import SERVERS, apt_install, call, find
from tests.servers.server import Server, free_port

JARS = SERVERS / "kafka"
POM = Path(__file__).with_name("kafka-pom.xml")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
num.partitions=3
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=1
num.io.threads=2
"""


class Kafka(Server):
    """Topics are made by the tests, never by a reader; `url` is the bootstrap address."""

    name = "kafka"
    variable = "TEST_KAFKA_BOOTSTRAP"

    def __init__(self) -> None:
        super().__init__()
        self._controller_port = free_port()

    @classmethod
    def installed(cls) -> bool:
        return find("java") is not None and JARS.is_dir()

    @classmethod
    def install(cls) -> None:
        missing = [package for program, package in JAVA.items() if find(program) is None]
        if missing:
            apt_install(*missing)
        unfinished = JARS.with_name("kafka.part")
        call("mvn", "-B", "-q", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}")
        unfinished.rename(JARS)

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        properties = self.folder / "server.properties"
        properties.write_text(
            PROPERTIES.format(port=self.port, controller=self._controller_port, data=self.folder / "data")
        )
        self.run(*self._java("kafka.tools.StorageTool", "format", "-t", "dGFwZXN0b3JlLXRlc3RzMQ", "-c", properties))

    def command(self) -> Sequence[str | Path]:
        return self._java("kafka.Kafka", self.folder / "server.properties")

    def answers(self) -> bool:
        return b"Kafka Server started" in self.log.read_bytes()

    def _java(self, main_class: str, *arguments: str | Path) -> list[str | Path]:
        program = find("java")
        assert program is not None
        return [
            *(program, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
            *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.log.kafka.server=info"),
            *("-cp", f"{JARS}/*", main_class, *arguments),
        ]


JAVA = {"java": "default-jre-headless", "mvn": "maven"}
