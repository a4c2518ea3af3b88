"""What was published stays, and each version may follow the one before it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from storage import TABLES, IncompatibleSchema
from storage.schemas import PUBLISHED, get_schema, published, refuse_change, schema_id
from storage.schemas.publish import publish
from tests.contracts.schemas import next_trades, published_in

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", TABLES)
def test_a_schema_changes_only_with_its_version(kind: str) -> None:
    assert published(schema_id(kind)) == get_schema(kind), "count its version up and run `make format`"


@pytest.mark.parametrize("kind", TABLES)
def test_each_version_may_follow_the_one_before_it(kind: str) -> None:
    versions = range(1, int(schema_id(kind).partition("/")[2]) + 1)

    for version in versions[1:]:
        refuse_change(f"{kind}/{version - 1}", f"{kind}/{version}", "backward")

    files = {file.name for file in PUBLISHED.glob(f"{kind}.*.json")}
    assert files == {f"{kind}.{version}.json" for version in versions}


def test_what_was_published_is_never_written_again(tmp_path: Path) -> None:
    folder = published_in(tmp_path / "published", next_trades() | {"title": "trades/1"})
    before = (folder / "trades.1.json").read_bytes()

    first, second = publish(folder), publish(folder)

    assert first == [schema_id(kind) for kind in TABLES if kind != "trades"]
    assert second == []
    assert (folder / "trades.1.json").read_bytes() == before


def test_an_unknown_schema_comes_from_a_newer_version() -> None:
    with pytest.raises(IncompatibleSchema, match=r"'trades/9' is unknown here.*registered by a newer tapestore"):
        refuse_change("trades/9", "trades/1")


def test_a_schema_may_stay_also_where_it_is_unknown() -> None:
    refuse_change("trades/9", "trades/9")


def test_a_change_is_held_against_the_mode(tmp_path: Path) -> None:
    folder = published_in(tmp_path / "published", get_schema("trades"), next_trades())

    refuse_change("trades/1", "trades/2", "backward", folder)
    refuse_change("trades/2", "trades/1", "forward", folder)
    refuse_change("trades/9", "trades/1", "none", folder)
    with pytest.raises(IncompatibleSchema, match="trades/1 has no more, which documents of trades/2 may have"):
        refuse_change("trades/1", "trades/2", "full", folder)


def test_the_published_schemas_are_in_the_wheel(tmp_path: Path) -> None:
    for name in ("config", "storage", "consumer"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True, timeout=60)

    (wheel,) = tmp_path.glob("*.whl")
    packed = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if "/published/" in name}

    assert packed == {file.name for file in PUBLISHED.glob("*.json")}
