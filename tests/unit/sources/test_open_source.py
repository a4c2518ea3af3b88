"""SOURCE names a source, and the registry has it."""

from __future__ import annotations

import typing
from importlib import import_module
from pathlib import Path

import pytest

from config import Settings
from config.bus import FileSettings
from config.store import LocalSettings
from consumer.sources import SOURCES, open_source
from consumer.sources.base import Guarantee, Source


def test_there_is_a_source_for_each_name_that_can_be_set() -> None:
    assert set(SOURCES) == set(typing.get_args(Settings.model_fields["source"].annotation))


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_source_bears_the_name_that_sets_it(name: str) -> None:
    module, _, kind = SOURCES[name].partition(":")
    assert getattr(import_module(module), kind).name == name


@pytest.mark.parametrize("name", sorted(SOURCES))
async def test_each_source_can_be_built_and_closed(name: str, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "source": name,
            "file": FileSettings(files=(str(tmp_path / "tape"),)),
            "local": LocalSettings(path=tmp_path),
        }
    )
    source = open_source(settings)
    assert isinstance(source, Source)
    assert source.destination
    assert (source.guarantee is Guarantee.AT_MOST_ONCE) == (name == "nats")
    assert source.bounded == (name == "file")
    await source.close()
