"""Kafka Connect with MongoDB's own connector, standalone, from the artefacts in Maven's central repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.peers.peer import PARTITIONS, Work
from tests.servers import free_port
from tests.servers.cache import CACHE, call, find

JARS = CACHE / "peers" / "connect"
POM = Path(__file__).with_name("connect-pom.xml")
TASKS = 2  # as many as cores


class Connect:
    """Two tasks; unordered bulk writes of inserts, a new one wherever the next record has another collection."""

    title = "Kafka Connect 4.1.1 + mongo-kafka 2.0.1"
    needs = "java and mvn"
    slow = True

    def installed(self) -> bool:
        return find("java") is not None and JARS.is_dir()

    def install(self) -> None:
        unfinished = JARS.with_name("connect.part")
        call("mvn", "-B", "-q", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}")
        unfinished.rename(JARS)

    def command(self, folder: Path, work: Work) -> Sequence[str | Path]:
        java = find("java")
        assert java is not None
        worker = _written(folder / "worker.properties", _worker(folder, work))
        sink = _written(folder / "sink.properties", _sink(work))
        logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        memory = ("-Xms512m", "-Xmx1g", "-XX:+UseParallelGC")
        standalone = "org.apache.kafka.connect.cli.ConnectStandalone"
        return [java, *memory, logging, "-cp", f"{JARS}/*", standalone, worker, sink]


def _worker(folder: Path, work: Work) -> Mapping[str, str]:
    return {
        "bootstrap.servers": work.bootstrap,
        "listeners": f"http://127.0.0.1:{free_port()}",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        # the sink parses JSON itself, and faster than Connect's converter
        "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        "offset.storage.file.filename": str(folder / "offsets"),
        "offset.flush.interval.ms": "10000",
        "plugin.discovery": "only_scan",
        "consumer.auto.offset.reset": "earliest",
        "consumer.max.poll.records": "5000",
        "consumer.fetch.min.bytes": "524288",
        "consumer.max.partition.fetch.bytes": "4194304",
    }


def _sink(work: Work) -> Mapping[str, str]:
    durable = "w=majority&journal=true" if work.journaled else "w=1&journal=false"
    return {
        "name": work.name,
        "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
        "tasks.max": str(min(TASKS, PARTITIONS)),
        "topics": work.topic,
        "connection.uri": f"{work.uri}&{durable}",
        "database": work.database,
        "collection": "other",
        "namespace.mapper": "com.mongodb.kafka.connect.sink.namespace.mapping.FieldPathNamespaceMapper",
        "namespace.mapper.value.collection.field": "s",
        "writemodel.strategy": "com.mongodb.kafka.connect.sink.writemodel.strategy.InsertOneDefaultStrategy",
        "bulk.write.ordered": "false",
        "max.batch.size": "0",
    }


def _written(file: Path, properties: Mapping[str, str]) -> Path:
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return file
