"""A simulated market in a file is read back as it was said."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path

import pytest
import zstandard

from config import Settings
from consumer.errors import SourceRefused
from consumer.simulator import Faults, Market
from consumer.simulator.publish import publish
from consumer.simulator.publishers import open_publisher
from consumer.sources.capture import read


def unpacked(file: Path) -> bytes:
    match file.suffix:
        case ".gz":
            return gzip.decompress(file.read_bytes())
        case ".zst":
            with zstandard.open(file) as stream:
                return bytes(stream.read())
    return file.read_bytes()


@pytest.mark.parametrize("name", ["m.jsonl", "m.jsonl.gz", "m.jsonl.zst"])
async def test_a_file_holds_every_message(tmp_path: Path, name: str) -> None:
    sent = list(islice(Market(2, 2, Faults.parse(["all", "broken=0.05"])), 1_200))
    async with open_publisher(str(tmp_path / name), Settings()) as publisher:
        assert await publish(sent, publisher) == len(sent)
    lines = unpacked(tmp_path / name).splitlines()
    found = [read(line, name, number) for number, line in enumerate(lines, 1)]
    assert [(m.data, m.subject, m.headers or {}, m.time_ms) for m in found] == [
        (m.data, m.subject, m.headers, m.time_ms) for m in sent
    ]


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text("mine")
    with pytest.raises(SourceRefused, match="exists"):
        async with open_publisher(str(file), Settings()):
            pass
    assert file.read_text() == "mine"


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="No such file"):
        async with open_publisher(str(tmp_path / "none" / "m.jsonl"), Settings()):
            pass
