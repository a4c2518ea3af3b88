"""The manual is what the models say."""

import ast
import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from config import Settings, load
from config.keys import FALLBACKS, KEYS, NAMES, sections
from config.reference import ROOT, configuration, env_example, json_schema

DESIGN = {
    "": "SOURCE MARKET REPLAY_FILES STORE LOCAL_PATH MAX_COLLECTIONS METADATA_URL MIGRATE_ON_START DRAIN_SECONDS",
    "NATS_": "URL STREAM SUBJECT DURABLE ACK_WAIT_SECONDS",
    "KAFKA_": "BOOTSTRAP_SERVERS TOPICS GROUP_ID",
    "MONGODB_": "URI HOST PORT USER PASSWORD DB DRIVER LAYOUT",
    "MYSQL_": "URI HOST PORT USER PASSWORD DB",
    "POSTGRES_": "HOST PORT USER PASSWORD DB",
    "BATCH_MAX_": "MESSAGES BYTES AGE_SECONDS",
    "MAX_IN_FLIGHT_": "MESSAGES BYTES",
    "HTTP_": "HOST PORT",
    "OTEL_": "SERVICE_NAME EXPORTER_OTLP_ENDPOINT TRACES_SAMPLER SDK_DISABLED",
}

DEFAULTS = {
    "SOURCE": "jetstream",
    "NATS_STREAM": "MARKET",
    "NATS_SUBJECT": "binance.futures.websocket.data",
    "NATS_DURABLE": "tapestore",
    "NATS_ACK_WAIT_SECONDS": "10",
    "KAFKA_TOPICS": "market-data",
    "KAFKA_GROUP_ID": "tapestore",
    "STORE": "local",
    "MONGODB_DB": "tapestore",
    "LOCAL_PATH": "./data",
    "MAX_COLLECTIONS": "5000",
    "MIGRATE_ON_START": "true",
    "BATCH_MAX_MESSAGES": "2000",
    "BATCH_MAX_BYTES": "4MiB",
    "MAX_IN_FLIGHT_MESSAGES": "50000",
    "MAX_IN_FLIGHT_BYTES": "64MiB",
    "DRAIN_SECONDS": "20",
    "HTTP_PORT": "8080",
}


@pytest.mark.parametrize("name", [prefix + name for prefix, names in DESIGN.items() for name in names.split()])
def test_every_name_of_the_design_exists(name: str) -> None:
    assert name in NAMES


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_the_design(name: str) -> None:
    assert KEYS[name].default == DEFAULTS[name]


def test_every_field_can_be_set_by_a_key() -> None:
    fields = [key.name for _, model in sections() for key in KEYS.values() if key.field in model.model_fields.values()]
    count = sum(len(model.model_fields) for _, model in sections()) - len(list(sections())) + 1
    assert len(KEYS) == len(fields) == count


def test_configuration_md_is_current() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text() == configuration(), "run python -m config.reference"


def test_env_example_is_current() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run python -m config.reference"


def test_env_example_uncommented_is_the_default() -> None:
    lines = [line[1:] for line in env_example().splitlines() if line.startswith("#") and not line.startswith("# ")]
    environ = dict(line.split("=", 1) for line in lines)
    settings = load(environ)
    assert environ.keys() == KEYS.keys() | {"TAPESTORE_CONFIG"}
    assert settings.model_dump() == Settings().model_dump()


def test_every_key_has_a_description_and_says_what_is_allowed() -> None:
    assert all(key.schema["description"] and key.allowed for key in KEYS.values())


def test_schema_takes_what_load_takes() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    text = 'SOURCE = "kafka"\nKAFKA_TOPICS = ["a"]\nREPLAY_FILES = "a,b"\nBATCH_MAX_BYTES = "4MiB"\nPOSTGRES_PORT = 1'
    jsonschema.validate(tomllib.loads(text), json_schema())
    defaults = {name: value["default"] for name, value in json_schema()["properties"].items() if "default" in value}
    jsonschema.validate(defaults, json_schema())


@pytest.mark.parametrize(
    "text",
    ['SOURCE = "x"', "HTTP_PORT = 70000", 'SURCE = "nats"', "MESSAGE_MAX_BYTES = 1", "POSTGRES_PORT = 0", "STORE = 1"],
)
def test_schema_refuses_what_load_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), json_schema())


def test_fallbacks_stand_in_for_keys() -> None:
    assert FALLBACKS.keys() <= KEYS.keys()
    assert not FALLBACKS.values() & KEYS.keys()


def test_the_environment_is_the_business_of_config_only() -> None:
    sources = [path for package in ("config", "storage", "consumer") for path in (ROOT / package).rglob("*.py")]
    readers = {path.relative_to(ROOT).as_posix() for path in sources if _reads_environment(path)}
    assert readers == {"config/load.py", "config/memory.py"}  # that one speaks for a library, and reads no setting


def _reads_environment(path: Path) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return any(
        (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in names
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in names for alias in node.names)
        )
        for node in nodes
    )
