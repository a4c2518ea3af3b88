"""The arrows between rooms: consumer → storage → config, and inside them who may know whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "storage", "consumer")

# What a room may import besides itself; the longest name that fits decides.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "config": (),
    "storage": ("config",),
    "storage.errors": (),
    "storage.times": (),
    "storage.records": (),
    "storage.outcomes": (),
    "storage.tables": ("storage.records", "storage.times"),
    "storage.values": ("storage.records", "storage.tables", "storage.times"),
    "storage.letters": ("storage.outcomes",),
    "storage.packed": ("storage.records", "storage.tables"),
    "storage.fingerprints": (),
    "storage.compiled": ("storage.fingerprints", "storage.packed", "storage.tables"),
    "storage.circuit_breaker": ("storage.errors",),
    "storage.observer": (),
    "storage.queries": ("storage.errors", "storage.tables", "storage.times", "storage.values"),
    "storage.adapters": (
        "config.store",
        "storage.compiled",
        "storage.errors",
        "storage.fingerprints",
        "storage.letters",
        "storage.observer",
        "storage.outcomes",
        "storage.packed",
        "storage.queries",
        "storage.records",
        "storage.schemas",
        "storage.sql",
        "storage.tables",
        "storage.times",
        "storage.values",
    ),
    "storage.schemas": ("storage.errors", "storage.records", "storage.tables", "storage.times", "storage.values"),
    "storage.sql": ("config.tls_words", "storage.errors", "storage.observer", "storage.times"),
    "storage.metadata": (
        "storage.circuit_breaker",
        "storage.errors",
        "storage.observer",
        "storage.sql",
        "storage.times",
    ),
    "storage.migrations": ("storage.adapters.sql.schema", "storage.errors", "storage.metadata", "storage.sql"),
    "storage.migrations.front": (
        "storage.adapters.base",
        "storage.adapters.mongodb",
        "storage.errors",
        "storage.migrations",
    ),
    "storage.migrations.mongodb": (
        "storage.adapters.mongodb",
        "storage.adapters.requests",
        "storage.errors",
        "storage.migrations.steps",
        "storage.tables",
        "storage.times",
    ),
    "storage.timeframes": ("storage.tables", "storage.times"),
    "storage.books": ("storage.errors", "storage.records"),
    "storage.models": (
        "storage.errors",
        "storage.metadata.rows",
        "storage.records",
        "storage.tables",
        "storage.values",
    ),
    "storage.repositories": (
        "storage.adapters.base",
        "storage.books",
        "storage.errors",
        "storage.letters",
        "storage.metadata",
        "storage.outcomes",
        "storage.packed",
        "storage.records",
        "storage.schemas",
        "storage.sql",
        "storage.tables",
        "storage.timeframes",
        "storage.times",
        "storage.values",
    ),
    "storage.auditing": ("storage.metadata.rows",),
    "storage.spool": (
        "storage.errors",
        "storage.metadata",
        "storage.repositories",
        "storage.tables",
        "storage.times",
    ),
    "consumer": ("config", "storage", "consumer"),
    "consumer.errors": ("storage",),
    "consumer.messages": (),
    "consumer.runs": ("consumer.messages",),
    "consumer.telemetry": ("config.service", "storage"),
    "consumer.decode": ("consumer.errors", "consumer.messages", "storage"),
    "consumer.tasks": (),
    "consumer.sources": (
        "config",
        "consumer.errors",
        "consumer.messages",
        "consumer.runs",
        "consumer.tasks",
        "consumer.telemetry",
        "storage",
    ),
    "consumer.pipeline": (
        "config.flow",
        "consumer.decode",
        "consumer.errors",
        "consumer.messages",
        "consumer.runs",
        "consumer.sources.base",
        "consumer.telemetry",
        "storage",
    ),
    "consumer.simulator": ("config", "consumer.errors", "consumer.messages", "consumer.sources", "storage"),
    "consumer.api": ("consumer.errors", "consumer.telemetry"),
}

FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def room_of(module: str) -> str:
    return max((room for room in MAY_IMPORT if within(module, room)), key=len)


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_no_arrow_points_back(path: Path) -> None:
    room = room_of(module_of(path))
    allowed = (room, *MAY_IMPORT[room])
    ours = [name for name in imports(path) if name.split(".")[0] in PACKAGES]
    wrong = [name for name in ours if not any(within(name, each) for each in allowed)]
    assert not wrong, f"{module_of(path)} may import {', '.join(allowed)}; not {', '.join(wrong)}"


def uses(path: Path, name: str) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr == name for node in ast.walk(ast.parse(path.read_text())))


def test_only_config_reads_the_environment() -> None:
    readers = [module_of(path) for path in FILES if uses(path, "environ") or uses(path, "getenv")]
    assert [name for name in readers if not name.startswith("config")] == []


def test_storage_never_waits_and_knows_no_telemetry() -> None:
    storage = [path for path in FILES if path.is_relative_to(ROOT / "storage")]
    assert [module_of(path) for path in storage if uses(path, "sleep")] == []
    knowing = [module_of(path) for path in storage if any("opentelemetry" in name for name in imports(path))]
    assert knowing == []


def test_only_what_is_kept_in_sql_knows_sql() -> None:
    knowing = {room_of(module_of(path)) for path in FILES if any(n.startswith("sqlalchemy") for n in imports(path))}
    rooms = {
        "storage.sql",
        "storage.adapters",
        "storage.metadata",
        "storage.migrations",
        "storage.repositories",
        "config",
    }
    assert knowing <= rooms
    adapters = [path for path in FILES if path.is_relative_to(ROOT / "storage" / "adapters")]
    knowing_adapters = [path.parent.name for path in adapters if any(n.startswith("sqlalchemy") for n in imports(path))]
    assert set(knowing_adapters) <= {"sql"}
