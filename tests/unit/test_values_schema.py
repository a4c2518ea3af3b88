"""The chart's files that are made from ours, or repeat them, are current."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml

from helm.values_schema import FILE, text, values_schema

ROOT = Path(__file__).parents[2]


def test_values_schema_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m helm.values_schema"


def test_every_value_has_a_schema_and_a_default() -> None:
    values = yaml.safe_load((FILE.parent / "values.yaml").read_text(encoding="utf-8"))

    assert set(values_schema()["properties"]) - {"global"} == set(values)


def test_chart_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chart = yaml.safe_load((FILE.parent / "Chart.yaml").read_text(encoding="utf-8"))

    assert chart["appVersion"] == project["version"]
