"""Retention is a duration for each kind, as people write one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import ConfigError
from config.keys import KEYS
from config.load import load
from config.retention import RetentionSettings
from config.values import shown
from storage import TABLES


def test_every_kind_has_a_retention() -> None:
    assert set(RetentionSettings.model_fields) == set(TABLES)
    assert {f"RETENTION_{kind.upper()}" for kind in TABLES} <= set(KEYS)


def test_what_is_not_set_is_kept_for_ever() -> None:
    assert load({}).retention.by_kind == {}


@pytest.mark.parametrize(
    ("text", "duration", "as_shown"),
    [
        ("30d", timedelta(days=30), "30d"),
        ("12h", timedelta(hours=12), "12h"),
        ("90m", timedelta(minutes=90), "90m"),
        ("48h", timedelta(days=2), "2d"),
        (" 1d ", timedelta(days=1), "1d"),
    ],
)
def test_a_duration_has_one_unit(text: str, duration: timedelta, as_shown: str) -> None:
    settings = load({"RETENTION_TRADES": text})

    assert settings.retention.by_kind == {"trades": duration}
    assert shown(KEYS["RETENTION_TRADES"].value(settings)) == as_shown


@pytest.mark.parametrize("text", ["0d", "-1d", "30", "30s", "1d12h", "99999d", "1.5h", "forever"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"RETENTION_TRADES.*30d"):
        load({"RETENTION_TRADES": text})
