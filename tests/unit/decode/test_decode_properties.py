"""Whatever arrives: only DecodeError escapes, and the same bytes give the same records."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.decode import Decoder
from consumer.errors import DecodeError
from consumer.messages import Message
from storage import TABLE_OF, Record
from storage.packed import plain
from tests import samples

DECODER = Decoder(max_bytes=100_000, max_nesting=32)

PIECES = st.sampled_from(
    [b"", b"null", b'""', b"0", b"-1", b"1e999", b"9" * 40, b"[]", b"{}", b'"\\ud800"', b"\x00", b"\xff", b"[[[["]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with some spans cut out and other things put in their place."""
    data = draw(st.sampled_from((*samples.MARKET_DATA, samples.CONTROL)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 30)))
        data = data[:start] + draw(PIECES | st.binary(max_size=8)) + data[end:]
    return data


def decoded(data: bytes) -> list[tuple[str, Record]] | None:
    try:
        found = DECODER.decode(Message(data=data, source="m", partition="p", offset=1, time_ms=1)).records
    except DecodeError:
        return None
    return [(TABLE_OF[type(record)].key(record), record) for record in (plain(item) for _, item in found)]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_decode_errors(data: bytes) -> None:
    assert decoded(data) == decoded(data)


@given(mutated())
def test_mutated_samples_decode_to_the_same_records_or_are_refused(data: bytes) -> None:
    first = decoded(data)
    assert first == decoded(data)
    for key, record in first or []:
        table = TABLE_OF[type(record)]
        assert table.to_record(table.to_document(record) | {"_id": key}) in (record, _with_bus_time(record))


def _with_bus_time(record: Record) -> Record:
    values = {name: getattr(record, name) for name in record.__struct_fields__} | {"bus_time": False}
    return type(record)(**values)
