"""Capture lines keep a message exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.messages import Message
from consumer.sources.capture import CaptureWriter, bodies, read, written

messages = st.builds(
    Message,
    data=st.one_of(st.binary(), st.text().map(str.encode)),
    source=st.just("nats"),
    partition=st.just("p"),
    offset=st.just(1),
    subject=st.text(),
    raw_headers=st.none() | st.dictionaries(st.text(min_size=1), st.text(), min_size=1),
    time_ms=st.none() | st.integers(-(2**63), 2**63 - 1),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    line = written(message)
    again = read(line, "tape", 7)
    assert b"\n" not in line
    assert (again.data, again.subject, again.time_ms) == (message.data, message.subject, message.time_ms)
    assert again.headers == message.headers
    assert (again.source, again.partition, again.offset) == ("file", "tape", 7)


@given(st.binary())
def test_any_other_line_is_the_message_itself(line: bytes) -> None:
    assert read(line, "tape", 1) == Message(line, "file", "tape", 1)


@pytest.mark.parametrize(
    "line",
    [
        b'{"tapestore":{"data":1}}',
        b'{"tapestore":{"data":"x"},"more":1}',
        b'{"tapestore":{"unknown":"x"}}',
        b'{"tapestore":{"base64":"%%%"}}',
        b'{"tapestore":{"data":"x"',
    ],
)
def test_a_broken_capture_line_is_not_guessed_at(line: bytes) -> None:
    assert read(line, "tape", 1).data == line


LINES = st.one_of(
    messages.map(written),
    st.binary(),
    st.builds(lambda data: written(Message(data.encode(), "nats", "p", 1, "md.x", None, 5)), st.text('"\\/\n\t aé')),
)


@given(st.lists(LINES), st.data())
def test_what_messages_say_is_the_same_by_the_quick_way(lines: list[bytes], draw: st.DataObject) -> None:
    cut = [
        line[: draw.draw(st.integers(0, len(line)))] + draw.draw(st.sampled_from([b"", b"}", b'"'])) for line in lines
    ]
    for some in (lines, cut):
        assert bodies(some) == [read(line, "tape", 1).data for line in some]


@pytest.mark.parametrize(
    "line",
    [
        b'{"tapestore":{"data":"{}"}}',
        b'{"tapestore":{"subject":"a","data":"{}"}}',
        b'{"tapestore":{"time_ms":-5,"data":"\\b\\f\\n\\r\\t\\/\\\\\\"}}',
        b'{"tapestore":{"time_ms":05,"data":"{}"}}',
        b'{"tapestore":{"time_ms":-,"data":"{}"}}',
        b'{"tapestore":{"time_ms":9223372036854775808,"data":"{}"}}',
        b'{"tapestore":{"subject":"a","subject":"b","data":"{}"}}',
        b'{"tapestore":{"data":"{}","subject":"a"}}',
        b'{"tapestore":{"headers":{"a":"b","c":""},"data":"{}"}}',
        b'{"tapestore":{"headers":{"a":"b","a":"c"},"data":"{}"}}',
        b'{"tapestore":{"headers":{},"data":"{}"}}',
        b'{"tapestore":{"headers":{"a":"b",},"data":"{}"}}',
        b'{"tapestore":{"headers":{"a":1},"data":"{}"}}',
        b'{"tapestore":{"headers":{"a":"b"',
        b'{"tapestore":{"subject":"\xff","data":"{}"}}',
        b'{"tapestore":{"data":"\xc3\xa9"}}',
        b'{"tapestore":{"data":"\\u00e9"}}',
        b'{"tapestore":{"data":"a\x00b"}}',
        b'{"tapestore":{"data":"{}"}} ',
        b'{"\\u0074apestore":{"data":"{}"}}',
        b' {"tapestore":{"data":"{}"}}',
        b'{"tapestores":{"data":"{}"}}',
        b'{"t',
        b'{"',
        b"{",
    ],
)
def test_no_line_is_read_otherwise_by_the_quick_way(line: bytes) -> None:
    assert bodies([line, b"between", line]) == [read(line, "", 0).data, b"between", read(line, "", 0).data]


def test_a_capture_line_may_have_been_written_by_others() -> None:
    line = b'{ "tapestore" : {"subject": "md.x", "data": "{\\"e\\": 1}"}}'
    assert read(line, "tape", 1) == Message(b'{"e": 1}', "file", "tape", 1, "md.x")


def test_a_capture_line_can_be_read_by_people() -> None:
    line = written(Message(b'{"e":"trade"}', "nats", "p", 1, "md.x", {"traceparent": "00"}, 5))
    assert json.loads(line) == {
        "tapestore": {"subject": "md.x", "time_ms": 5, "headers": {"traceparent": "00"}, "data": '{"e":"trade"}'}
    }


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    tape.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        CaptureWriter(tape)
    assert tape.read_bytes() == b"precious"
