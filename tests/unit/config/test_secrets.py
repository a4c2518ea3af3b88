"""A secret is never shown: not by the settings, not by what describes them, not by an error."""

import json
import logging
import traceback
from pathlib import Path

import pytest

from config import ConfigError, describe, load, public_view
from config.keys import KEYS

CANARY = "c4n4ry"
SECRETS = {
    "NATS_URL": f"nats://user:{CANARY}@host:4222",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_USERNAME": "user",
    "KAFKA_SASL_PASSWORD": CANARY,
    "MONGODB_URI": f"mongodb://user:{CANARY}@host/?authMechanismProperties={CANARY}",
    "MONGODB_PASSWORD": CANARY,
    "METADATA_URL": f"mysql://user:{CANARY}@host/db",
    "MYSQL_URI": f"mysql://user:{CANARY}@host/db?ssl_key={CANARY}",
    "MYSQL_PASSWORD": CANARY,
    "POSTGRES_PASSWORD": CANARY,
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {CANARY}",
}


def test_every_secret_key_is_tried_here() -> None:
    assert {key.name for key in KEYS.values() if key.is_secret} <= SECRETS.keys()


def test_no_secret_is_shown_of_right_settings() -> None:
    settings = load(SECRETS)
    views = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    views += [repr(settings.metadata_url), str(settings.mongodb_uri), repr(describe(settings))]
    views += [json.dumps(public_view(settings)), logging.makeLogRecord({"msg": "%s", "args": (settings,)}).getMessage()]
    assert not [view for view in views if CANARY in view]


def test_no_secret_is_shown_of_wrong_settings() -> None:
    wrong = {key: value.replace("//user:", "//user:/@:") for key, value in SECRETS.items()}
    with pytest.raises(ConfigError) as caught:
        load(wrong | {"SOURCE": "x", "KAFKA_SECURITY_PROTOCOL": "SSL"})
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert {"NATS_URL", "MONGODB_URI", "METADATA_URL", "MYSQL_URI"} <= {p.key for p in caught.value.problems}
    assert CANARY not in shown


def test_no_secret_is_shown_by_the_cause_of_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        load({"METADATA_URL": f"nonsense://u:{CANARY}@h"})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_describe_says_where_each_value_came_from(tmp_path: Path) -> None:
    file = tmp_path / "tapestore.toml"
    file.write_text('SOURCE = "nats"\nPOSTGRES_USER = "u"')
    lines = {line.key: (line.value, line.source) for line in describe(load({"HTTP_PORT": "1"}, file))}
    assert list(lines) == list(KEYS)
    assert lines["SOURCE"] == ("nats", "file")
    assert lines["HTTP_PORT"] == ("1", "environment")
    assert lines["MYSQL_USER"] == ("u", "file (POSTGRES_USER)")
    assert lines["BATCH_MAX_BYTES"] == ("4MiB", "default")


def test_describe_says_what_is_in_force() -> None:
    keys = ("BATCH_MAX_MESSAGES", "BATCH_MAX_WRITES", "BATCH_MAX_AGE_SECONDS")
    given = {"STORE": "mongodb", "BATCH_MAX_WRITES": "3"}
    local, mongodb = ({line.key: line[1:] for line in describe(load(each))} for each in ({}, given))
    assert [local[key] for key in keys] == [(value, "default (STORE=local)") for value in ("8000", "4", "5")]
    assert [mongodb[key][0] for key in keys] == ["2000", "3", "0.1"]
    assert mongodb["BATCH_MAX_WRITES"][1] == "environment"


def test_describe_hides_secrets_and_keeps_the_rest() -> None:
    view = public_view(load(SECRETS))
    assert view["NATS_URL"] == "nats://user:***@host:4222"
    assert view["MYSQL_PASSWORD"] == "***"
    assert view["MONGODB_URI"] == "mongodb://user:***@host/?authMechanismProperties=***"
    assert view["KAFKA_SASL_USERNAME"] == "user"
