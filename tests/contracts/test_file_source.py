"""The file source keeps the contract of a bounded bus, and bad files do not hurt it."""

from __future__ import annotations

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard

from consumer.errors import SourceRefused
from consumer.messages import Message, Settlement
from consumer.sources.base import EndOfSource, Source
from consumer.sources.capture import CaptureWriter
from consumer.sources.file import FileSource
from tests.contracts.source import (
    LOTS,
    BusUnderTest,
    HeaderFacts,
    RedeliveryFacts,
    data,
    numbered,
    settle_all,
    take,
    until,
)


class CaptureUnderTest(BusUnderTest):
    """A file of capture lines that grows with each publication."""

    def __init__(self, folder: Path, ending: str) -> None:
        self.folder = folder
        self.files = [folder / f"tape{ending}"]
        self.files[0].touch()

    async def publish(self, *messages: bytes, headers: Mapping[str, str] | None = None) -> None:
        new = self.folder / f"new{self.files[0].suffix}"
        lowered = {name.lower(): value for name, value in headers.items()} if headers else None
        with CaptureWriter(new) as writer:
            for message in messages:
                writer.write(Message(message, "nats", "p", 1, "md.test", lowered, time.time_ns() // 1_000_000))
        with self.files[0].open("ab") as tape:
            tape.write(new.read_bytes())
        new.unlink()

    def source(self) -> Source:
        return FileSource(self.files, resume_path=self.folder / "state" / "progress.json")


class TestFileSource(HeaderFacts, RedeliveryFacts):
    @pytest.fixture(params=[".jsonl", ".jsonl.gz", ".jsonl.zst"])
    def bus(self, tmp_path: Path, request: pytest.FixtureRequest) -> BusUnderTest:
        return CaptureUnderTest(tmp_path, request.param)


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


async def everything(*files: Path, settle: Settlement | None = None, resume_path: Path | None = None) -> list[bytes]:
    async with FileSource(files, resume_path=resume_path) as source:
        return data(await take(source, 1_000_000, settle=settle))


async def test_a_line_is_a_message_as_it_stands(tmp_path: Path) -> None:
    tape = written(tmp_path / "raw.jsonl", b'{"e":"trade"}', b"", b"not json\r", b'{"tapestore":{"broken')
    async with FileSource([tape]) as source:
        taken = await take(source, 10)
    assert [(d.message.data, d.message.offset) for d in taken] == [
        (b'{"e":"trade"}', 1),
        (b"not json", 3),
        (b'{"tapestore":{"broken', 4),
    ]
    assert {(d.message.partition, d.message.subject, d.message.time_ms) for d in taken} == {(str(tape), "", None)}


async def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    tape = tmp_path / "raw.jsonl"
    tape.write_bytes(b"1\n2")
    assert await everything(tape) == [b"1", b"2"]


async def test_files_are_read_one_after_another_whatever_they_are_called(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.gz", b"1", b"2")
    packed = tmp_path / "b.jsonl"
    packed.write_bytes(gzip.compress(b"3\n") + gzip.compress(b"4\n"))
    frames = tmp_path / "c"
    frames.write_bytes(zstandard.compress(b"5\n6") + zstandard.compress(b"\n7\n"))
    empty = written(tmp_path / "d")
    assert await everything(plain, packed, frames, empty) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]


async def test_a_file_larger_than_what_is_read_ahead_comes_whole(tmp_path: Path) -> None:
    sent = numbered(12_000, size=1000)
    tape = written(tmp_path / "large.jsonl", *sent)
    async with FileSource([tape]) as source:
        first = await take(source, 1)
        assert (await source.status()).lag is None  # nobody has seen the end yet
        assert data(first + await take(source, 20_000)) == sent
        assert (await source.status()).lag == 12_000


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(lambda lines: gzip.compress(lines)[:-20], id="truncated gzip"),
        pytest.param(lambda lines: zstandard.compress(lines)[:-20], id="truncated zstd"),
        pytest.param(lambda lines: gzip.compress(lines) + b"\x1f\x8bgarbage", id="gzip and garbage"),
        pytest.param(lambda lines: zstandard.compress(lines) + b"garbage", id="zstd and garbage"),
    ],
)
async def test_a_broken_file_is_refused_after_all_that_precedes_the_damage(tmp_path: Path, packed: object) -> None:
    assert callable(packed)
    lines = b"".join(b'{"n":%d,"of":"%d"}\n' % (n, n * n) for n in range(100_000))
    tape = tmp_path / "broken"
    tape.write_bytes(packed(lines))
    source = FileSource([tape, written(tmp_path / "next", b"never reached")])
    await source.open()
    got: list[bytes] = []
    with pytest.raises(SourceRefused, match="broken") as refusal:
        while True:
            got += data(await source.receive(100_000, LOTS))
    with pytest.raises(SourceRefused):
        await source.receive(1, LOTS)
    await source.close()
    assert "whole" in refusal.value.fix
    assert got == lines.splitlines()[: len(got)]
    assert len(got) > 80_000


async def test_a_file_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    for files in ([tmp_path / "missing"], [tmp_path], []):
        with pytest.raises(SourceRefused):
            await FileSource(files).open()


async def test_a_line_that_is_too_long_comes_cut_and_its_neighbours_whole(tmp_path: Path) -> None:
    tape = written(tmp_path / "long", b"before", b"x" * 5_000_000, b"after")
    async with FileSource([tape], max_message_bytes=1024) as source:
        before, cut, after = await take(source, 3)
    assert (before.message.data, after.message.data) == (b"before", b"after")
    assert 1024 < len(cut.message.data) < 1_200_000
    assert after.message.offset == 3


async def test_a_bomb_stays_small_in_memory(tmp_path: Path) -> None:
    tape = tmp_path / "bomb.zst"
    tape.write_bytes(zstandard.compress(b"\0" * (256 * 1024 * 1024)) + zstandard.compress(b"\nafter"))
    tracemalloc.start()
    async with FileSource([tape], max_message_bytes=1024) as source:
        cut, after = await take(source, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024
    assert len(cut.message.data) < 1_200_000
    assert after.message.data == b"after"


async def test_the_largest_message_survives_being_captured(tmp_path: Path) -> None:
    tape = tmp_path / "tape.zst"
    worst = [b"\x01" * 100_000, b'"' * 100_000, b"\xff" * 100_000]
    with CaptureWriter(tape) as writer:
        for body in worst:
            writer.write(Message(body, "nats", "p", 1, "s", {"k": "v" * 60_000}))
    async with FileSource([tape], max_message_bytes=100_000) as source:
        assert data(await take(source, 3)) == worst


async def test_without_a_place_to_resume_everything_is_read_again(tmp_path: Path) -> None:
    tape = written(tmp_path / "tape", b"1", b"2")
    for _ in range(2):
        assert await everything(tape, settle=Settlement.STORED) == [b"1", b"2"]


async def test_a_file_that_has_grown_goes_on_where_it_was(tmp_path: Path) -> None:
    tape, state = written(tmp_path / "tape", b"1", b"2"), tmp_path / "state"
    await everything(tape, settle=Settlement.STORED, resume_path=state)
    with tape.open("ab") as file:
        file.write(b"3\n")
    assert await everything(tape, settle=Settlement.STORED, resume_path=state) == [b"3"]


@pytest.mark.parametrize("other", [(b"9", b"2", b"3"), (b"1",)])
async def test_another_file_of_the_same_name_is_read_from_its_start(tmp_path: Path, other: tuple[bytes, ...]) -> None:
    tape, state = written(tmp_path / "tape", b"1", b"2"), tmp_path / "state"
    await everything(tape, settle=Settlement.STORED, resume_path=state)
    written(tape, *other)
    assert await everything(tape, resume_path=state) == list(other)


async def test_a_gap_in_what_is_settled_is_read_again(tmp_path: Path) -> None:
    tape, state = written(tmp_path / "tape", *numbered(5)), tmp_path / "state"
    async with FileSource([tape], resume_path=state) as source:
        taken = await take(source, 5)
        await settle_all(source, [taken[0], taken[1], taken[3]], Settlement.STORED)
    assert await everything(tape, resume_path=state) == numbered(5)[2:]


async def test_a_broken_state_file_costs_duplicates_only(tmp_path: Path) -> None:
    tape, state = written(tmp_path / "tape", b"1"), written(tmp_path / "state", b"{broken")
    assert await everything(tape, settle=Settlement.STORED, resume_path=state) == [b"1"]
    assert await everything(tape, resume_path=state) == []


async def test_the_place_is_kept_while_the_source_runs(tmp_path: Path) -> None:
    tape, state = written(tmp_path / "tape", b"1", b"2"), tmp_path / "state"
    now = 0.0
    source = FileSource([tape], resume_path=state, clock=lambda: now)
    await source.open()
    one, two = await take(source, 2)
    await settle_all(source, [one], Settlement.STORED)
    assert not state.exists()  # not with every flush
    now = 10.0
    await source.flush()
    assert await everything(tape, resume_path=state) == [b"2"]
    await settle_all(source, [two], Settlement.STORED)
    await source.close()


async def test_a_place_that_cannot_be_kept_is_said_and_stops_nothing(tmp_path: Path) -> None:
    tape, folder = written(tmp_path / "tape", b"1"), tmp_path / "file"
    folder.touch()
    source = FileSource([tape], resume_path=folder / "state")
    async with source:
        await take(source, 1, settle=Settlement.STORED)
    assert "cannot be kept" in (await source.status()).problem


async def test_the_end_stays_the_end(tmp_path: Path) -> None:
    async with FileSource([written(tmp_path / "tape", b"1")]) as source:
        await take(source, 1)
        for _ in range(2):
            with pytest.raises(EndOfSource):
                await source.receive(10, LOTS)


async def test_closing_does_not_wait_for_the_rest_of_the_file(tmp_path: Path) -> None:
    tape = written(tmp_path / "large", *numbered(20_000, size=1000))
    async with asyncio.timeout(5):
        async with FileSource([tape]) as source:
            await until(source, lambda status: status.connected)
