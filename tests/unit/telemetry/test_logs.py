"""A line is a line, carries its trace, and no secret."""

import io
import json
import logging
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id
from pydantic import SecretStr

from config.service import TelemetrySettings
from consumer.telemetry import traces
from consumer.telemetry.logs import MAX_TEXT, Lines, configure_logs, describe, redact

LineReader = Callable[[], list[dict[str, Any]]]
CANARY = "canary-7f3a"
URLS = [
    f"mongodb://user:{CANARY}@db.example:27017/market?w=1",
    f"mysql+aiomysql://user:p%40{CANARY}@[::1]/x",
    f"nats://{CANARY}@bus:4222,nats://user:{CANARY}@other:4222",
    f"amqp://user:pa@{CANARY}/x@host",
    f"https://host/path?token={CANARY}&x=1",
    f"host=db password={CANARY} user=x",
]
FORGERIES = ["a\nb", "a\r\nb", "\x1b[31mred\x1b[0m", "a\x9b31m", "a\u2028b\x85c", "nul\x00"]


def test_a_line_is_json_with_time_level_and_event_first(lines: LineReader) -> None:
    structlog.get_logger().info("something_happened", count=3)
    [line] = lines()
    assert list(line) == ["timestamp", "level", "event", "count"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["count"]) == ("info", "something_happened", 3)


@pytest.mark.parametrize("text", FORGERIES)
def test_no_value_breaks_a_json_line(text: str, clean_logs: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(TelemetrySettings(log_format="json"))
    structlog.get_logger().info(text, value=text, **{text: [text]})
    written = capsys.readouterr().err
    assert written.isascii()
    assert not set(written[:-1]) & set("\n\r\x1b\x00")
    assert json.loads(written)["value"] == text


@pytest.mark.parametrize("text", FORGERIES)
def test_no_value_breaks_or_colours_a_console_line(
    text: str, clean_logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(TelemetrySettings(log_format="console"))
    structlog.get_logger().info("before " + text, value=text, nested={"key": [text]})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written[:-1].isprintable()


def test_a_traceback_on_the_console_cannot_look_like_a_line(
    clean_logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(TelemetrySettings(log_format="console"))
    structlog.get_logger().error("failed", exc_info=ValueError("x\n2026-01-01 [info] all is well\x1b[0m"))
    first, *rest = capsys.readouterr().err.splitlines()
    assert "failed" in first
    assert rest and all(line.startswith("  | ") and line.isprintable() for line in rest)


@pytest.mark.parametrize("url", URLS)
def test_credentials_are_hidden_wherever_they_stand(url: str, lines: LineReader) -> None:
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError as error:
        structlog.get_logger().error(f"tried {url}", url=url, error=error, deep={"urls": [url]}, exc_info=True)
    logging.getLogger("pymongo").warning("cannot reach %s", url)
    assert CANARY not in json.dumps(lines())


def test_a_secret_prints_as_stars(lines: LineReader) -> None:
    structlog.get_logger().info("x", secret=SecretStr(CANARY), pair=(SecretStr(CANARY), 1))
    [line] = lines()
    assert (line["secret"], line["pair"]) == ("***", ["***", 1])


def test_what_is_left_of_a_url_still_tells_where_it_led() -> None:
    assert redact("mongodb://user:secret@db.example:27017/market") == "mongodb://***@db.example:27017/market"


def test_text_without_credentials_is_left_alone() -> None:
    text = "GET http://127.0.0.1:8080/livez, mail to x@y.example"
    assert redact(text) == text


def test_a_long_value_is_cut() -> None:
    assert len(redact("x" * 10 * MAX_TEXT)) == MAX_TEXT


def test_an_error_is_described_by_class_and_text() -> None:
    assert describe(ValueError("no")) == "ValueError: no"
    assert describe(TimeoutError()) == "TimeoutError"


def test_a_line_inside_a_span_carries_its_ids(lines: LineReader, finished: Callable[[], list[ReadableSpan]]) -> None:
    with traces.process("a", 1):
        structlog.get_logger().info("inside")
    structlog.get_logger().info("outside")
    inside, outside = lines()
    context = finished()[0].get_span_context()
    assert context is not None
    assert inside["trace_id"] == format_trace_id(context.trace_id)
    assert inside["span_id"] == format_span_id(context.span_id)
    assert not {"trace_id", "span_id"} & outside.keys()


@pytest.mark.parametrize("name", ["nats.aio.client", "aiokafka", "pymongo", "uvicorn.error", "sqlalchemy", "alembic"])
def test_libraries_speak_through_our_lines_from_warning_on(name: str, lines: LineReader) -> None:
    logging.getLogger(name).info("quiet")
    logging.getLogger(name).warning("loud %s", "x\ny")
    [line] = lines()
    assert (line["event"], line["level"], line["logger"]) == ("loud x\ny", "warning", name)


def test_a_library_that_repeats_itself_is_told_once(lines: LineReader) -> None:
    for attempt in range(100):
        logging.getLogger("aiokafka").error("Unable to connect to %s", attempt)
    assert len(lines()) == 1


def test_warnings_of_python_become_lines(lines: LineReader) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logs(TelemetrySettings(log_format="json"))
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)
    [line] = lines()
    assert line["logger"] == "py.warnings"


def test_less_than_the_level_is_not_logged(clean_logs: None, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(TelemetrySettings(log_level="WARNING", log_format="json"))
    structlog.get_logger().info("quiet")
    logging.getLogger("nats").warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_configuring_twice_does_not_log_twice(lines: LineReader) -> None:
    configure_logs(TelemetrySettings(log_format="json"))
    logging.getLogger("nats").warning("loud")
    assert len(lines()) == 1


def test_what_json_does_not_know_becomes_text(lines: LineReader) -> None:
    structlog.get_logger().info("x", number=float("nan"), data=b"\x00", none=None, flag=True)
    [line] = lines()
    assert (line["number"], line["data"], line["none"], line["flag"]) == ("nan", "b'\\x00'", None, True)


def test_a_stream_that_cannot_be_written_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    Lines(stream).msg("lost")
