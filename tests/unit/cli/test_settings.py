"""`tapestore config` and `tapestore migrate`: JSON on stdout and nothing else, secrets nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from tests.unit.cli.command import Command

SECRETS = {
    "NATS_URL": "nats://user:canary@127.0.0.1:4222",
    "MONGODB_URI": "mongodb://user:canary@127.0.0.1:27017",
    "METADATA_URL": "mysql://user:canary@127.0.0.1:3306/x",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_USERNAME": "user",
    "KAFKA_SASL_PASSWORD": "canary",
}


def test_show_gives_each_key_its_value_and_origin(tapestore: Command) -> None:
    tapestore.tell(MARKET="spot")
    shown = tapestore("config", "show", "--json").json
    assert shown["MARKET"] == {"value": "spot", "source": "environment"}
    assert shown["STORE"] == {"value": "local", "source": "default"}
    assert "MARKET" in tapestore("config", "show").out


@pytest.mark.parametrize("arguments", [("show",), ("show", "--json"), ("validate",), ("validate", "--json")])
def test_no_secret_is_shown(tapestore: Command, arguments: tuple[str, ...]) -> None:
    tapestore.tell(**SECRETS)
    ended = tapestore("config", *arguments)
    assert "canary" not in ended.out + ended.err


@pytest.mark.parametrize("verb", [("verify",), ("migrate", "status")])
def test_a_database_that_is_away_exits_69_and_keeps_its_password(tapestore: Command, verb: tuple[str, ...]) -> None:
    tapestore.tell(METADATA_URL="mysql://user:canary@127.0.0.1:1/x")
    ended = tapestore(*verb, expect=69)
    assert (ended.out, ended.err.count("\n")) == ("", 1)
    assert "canary" not in ended.err


def test_valid_settings_are_valid(tapestore: Command) -> None:
    assert tapestore("config", "validate").out == "The settings are valid.\n"
    assert tapestore("config", "validate", "--json").json == {"valid": True, "warnings": []}


def test_a_key_that_is_nearly_one_is_a_warning(tapestore: Command) -> None:
    tapestore.tell(MONGODB_URL="x")
    ended = tapestore("config", "validate")
    assert (ended.out, ended.err) == ("The settings are valid.\n", "MONGODB_URL: unknown; did you mean MONGODB_URI?\n")
    assert tapestore("config", "validate", "--json").json["warnings"] == [ended.err.strip()]


def test_two_letters_in_the_wrong_order_are_a_warning(tapestore: Command) -> None:
    tapestore.tell(NATS_ULR="nats://h")
    assert "NATS_ULR: unknown; did you mean NATS_URL?" in tapestore("config", "validate").err


@pytest.mark.parametrize("verb", [("config", "show"), ("config", "validate"), ("run",), ("query", "trades", "X")])
def test_every_wrong_key_is_told_at_once_with_78(tapestore: Command, verb: tuple[str, ...]) -> None:
    tapestore.tell(STORE="cloud", HTTP_PORT="many")
    ended = tapestore(*verb, expect=78)
    assert ended.out == ""
    assert ended.err.startswith("tapestore: 2 settings are wrong:\n  HTTP_PORT: must be")
    assert "\n  STORE: must be" in ended.err


def test_wrong_keys_as_json(tapestore: Command) -> None:
    tapestore.tell(STORE="cloud")
    told = tapestore("config", "validate", "--json", expect=78).json
    problem = {"key": "STORE", "message": "must be local or mongodb, not cloud"}
    assert (told["valid"], told["problems"]) == (False, [problem])


def test_the_schema_is_one(tapestore: Command) -> None:
    schema = tapestore("config", "schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"MARKET": "spot"}, schema)


def test_migrate_forward_and_back(tapestore: Command, store: Path) -> None:
    before = tapestore("migrate", "status", "--json", expect=1).json
    assert not store.exists()
    assert before["current"] is None
    assert before["pending"]
    up = tapestore("migrate", "up", "--json").json
    assert up == {"current": before["head"], "head": before["head"], "pending": []}
    assert tapestore("migrate", "status", "--json").json == up
    assert tapestore("migrate", "down", "--to", "base", "--json").json["current"] is None
    assert "no tables of" in tapestore("migrate", "status", expect=1).out
    assert tapestore("migrate", "down", expect=2).err == "tapestore: there are no tables to take back a version\n"


def test_migrate_to_a_version_that_does_not_exist_exits_2(tapestore: Command) -> None:
    assert "cannot migrate" in tapestore("migrate", "up", "--to", "nope", expect=2).err


def test_the_settings_of_a_file(tapestore: Command, tmp_path: Path) -> None:
    (tmp_path / "tapestore.toml").write_text("MARKET = 'spot'\nMARKT = 'x'\n")
    tapestore.tell(TAPESTORE_CONFIG="tapestore.toml")
    assert "MARKT: is no known key; did you mean MARKET?" in tapestore("config", "validate", expect=78).err


def test_json_is_one_document(tapestore: Command) -> None:
    assert isinstance(json.loads(tapestore("config", "schema").out), dict)
