"""MongoDB that misbehaves, refuses or is not there: nothing is called durable that is not."""

from __future__ import annotations

import gc
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from bson.raw_bson import RawBSONDocument
from msgspec.structs import replace
from pymongo import AsyncMongoClient

from storage import DatabaseError, OperatorError, Outcome, Reason, Record, TransientError, UnavailableError
from storage.adapters.mongodb import MongoDBAdapter, inserts
from storage.adapters.mongodb.documents import ENCODERS, MAX_DOCUMENT_BYTES
from storage.outcomes import DUPLICATE, STORED
from tests.contracts.records import FULL, MS, T0, candle, trade, trades
from tests.contracts.writing import outcomes, put, stored
from tests.integration.mongodb import FORGOTTEN_SOCKETS, client_of, failing, forget

pytestmark = [pytest.mark.server("mongodb"), pytest.mark.filterwarnings(FORGOTTEN_SOCKETS)]

Client = AsyncMongoClient[dict[str, Any]]


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """They are collected here, and not in a test that has nothing to do with them."""
    yield
    gc.collect()


@pytest.fixture
async def client(mongodb_uri: str, unique_name: str) -> AsyncIterator[Client]:
    async with client_of(mongodb_uri) as client:
        yield client
        await forget(client, unique_name)


@pytest.fixture
async def adapter(client: Client, mongodb_uri: str, unique_name: str) -> AsyncIterator[MongoDBAdapter]:
    async with MongoDBAdapter(mongodb_uri, unique_name) as adapter:
        await put(adapter, trade(0))
        await put(adapter, candle(timestamp=T0 - MS))
        yield adapter


@pytest.mark.parametrize(
    ("code", "expected"), [(64, TransientError), (91, TransientError), (100, OperatorError)], ids=str
)
async def test_a_write_concern_error_means_that_nothing_is_durable(
    adapter: MongoDBAdapter, client: Client, unique_name: str, code: int, expected: type[DatabaseError]
) -> None:
    fault = {"code": code, "errmsg": "waiting for replication timed out"}

    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], times=2, writeConcernError=fault):
        with pytest.raises(expected):
            await put(adapter, trade(0), trade(1), trade(2))

    assert await put(adapter, trade(1), trade(2), trade(3)) == [DUPLICATE, DUPLICATE, STORED]


async def test_a_write_concern_error_of_versions_means_that_nothing_is_durable(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    fault = {"code": 64, "errmsg": "waiting for replication timed out"}

    async with failing(client, f"{unique_name}.candles_BTCUSDT_1m", ["update"], writeConcernError=fault):
        with pytest.raises(TransientError):
            await put(adapter, candle())

    assert await put(adapter, candle()) == [DUPLICATE]


async def test_a_user_who_is_refused_comes_back_on_new_connections(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    async def connection() -> int:
        return int((await adapter.connection.database.command("hello"))["connectionId"])

    before = await connection()
    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], errorCode=13):
        with pytest.raises(OperatorError):
            await put(adapter, trade(1))

    assert await put(adapter, trade(1)) == [STORED]
    assert await connection() != before


@pytest.mark.parametrize("commands", [["insert"], ["find"]], ids=["write", "comparison"])
async def test_a_connection_that_breaks_is_unavailable_and_then_heals(
    adapter: MongoDBAdapter, client: Client, unique_name: str, commands: list[str]
) -> None:
    async with failing(client, f"{unique_name}.trades_BTCUSDT", commands, times=2, closeConnection=True):
        with pytest.raises(UnavailableError):
            await put(adapter, trade(0), trade(1))

    assert set(await outcomes(adapter, trade(0), trade(1))) <= {Outcome.STORED, Outcome.DUPLICATE}
    assert len(await stored(adapter, trade())) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (10107, TransientError),  # not primary
        (11602, TransientError),  # interrupted by a step-down
        (424_242, TransientError),
        (13, OperatorError),
        (8000, OperatorError),
        (14031, OperatorError),
    ],
)
async def test_a_refused_command_is_told_by_what_the_caller_can_do(
    adapter: MongoDBAdapter, client: Client, unique_name: str, code: int, expected: type[DatabaseError]
) -> None:
    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], times=2, errorCode=code):
        with pytest.raises(expected) as caught:
            await put(adapter, trade(1))

    assert str(code) in str(caught.value)
    assert await put(adapter, trade(1)) == [STORED]


@pytest.mark.parametrize("code", [6, 189, 10107, 11602], ids=str)
async def test_an_election_that_passes_is_no_error(
    adapter: MongoDBAdapter, client: Client, unique_name: str, code: int
) -> None:
    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], errorCode=code):
        assert await put(adapter, trade(1)) == [STORED]


@pytest.mark.parametrize("code", [91, 189, 11602], ids=str)
async def test_what_was_written_when_an_election_began_stands_there_after_it(
    adapter: MongoDBAdapter, client: Client, unique_name: str, code: int
) -> None:
    fault = {"code": code, "errmsg": "interrupted while waiting for a majority"}
    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], writeConcernError=fault):
        assert await put(adapter, trade(1), trade(2)) == [DUPLICATE, DUPLICATE]


async def test_documents_that_the_server_does_not_tell_of_are_not_stored(
    adapter: MongoDBAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as another_driver:
        another_driver.setattr(inserts, "Documents", lambda documents: RawBSONDocument(documents[0]))
        with pytest.raises(TransientError, match="the server tells of 1 documents, and 2 were sent"):
            await put(adapter, trade(1), trade(2))

    assert await put(adapter, trade(1), trade(2)) == [DUPLICATE, STORED]


async def test_more_redelivered_records_than_fit_into_one_answer_are_duplicates(adapter: MongoDBAdapter) -> None:
    many = trades(90_000)
    assert set(await put(adapter, *many)) <= {STORED, DUPLICATE}
    assert set(await put(adapter, *many)) == {DUPLICATE}


@pytest.mark.parametrize(
    ("code", "reason"), [(10334, Reason.DOCUMENT_TOO_LARGE), (22, Reason.NOT_STORABLE)], ids=["too large", "invalid"]
)
async def test_a_command_that_is_refused_as_a_whole_is_halved_until_the_culprit_is_alone(
    adapter: MongoDBAdapter, client: Client, unique_name: str, code: int, reason: Reason
) -> None:
    async with failing(client, f"{unique_name}.trades_BTCUSDT", ["insert"], times=4, errorCode=code):
        first, *others = await put(adapter, *trades(9)[1:])  # refused: 8, 4, 2, and the first alone

    assert first.reason is reason
    assert others == [STORED] * 7


async def test_a_document_of_16_mib_is_stored_and_a_larger_one_rejected_alone(adapter: MongoDBAdapter) -> None:
    exact, larger = _liquidation_of(MAX_DOCUMENT_BYTES, "exact"), _liquidation_of(MAX_DOCUMENT_BYTES + 1, "larger")

    small, fits, beyond, other = await put(adapter, FULL["liquidations"], exact, larger, _liquidation_of(300, "other"))

    assert (small, fits, other) == (STORED, STORED, STORED)
    assert beyond.reason is Reason.DOCUMENT_TOO_LARGE
    assert len(await stored(adapter, exact)) == 3


async def test_batches_beyond_one_command_are_stored(adapter: MongoDBAdapter) -> None:
    batch = [_liquidation_of(9 * 1024 * 1024, str(number)) for number in range(6)]

    assert await put(adapter, *batch) == [STORED] * 6
    assert await put(adapter, *batch[::-1]) == [DUPLICATE] * 6


async def test_a_record_that_breaks_the_schema_is_rejected_with_the_rule(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    validator = {"$jsonSchema": {"properties": {"trade_id": {"maximum": 5}}}}
    await client[unique_name].command({"collMod": "trades_BTCUSDT", "validator": validator})

    good, bad, better = await put(adapter, trade(1), trade(6), trade(2))

    assert (good, better) == (STORED, STORED)
    assert bad.reason is Reason.SCHEMA and "trade_id" in bad.error and "maximum" in bad.error


async def test_a_version_that_breaks_the_schema_is_rejected_alone(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    validator = {"$jsonSchema": {"required": ["quote_volume"]}}
    await client[unique_name].command({"collMod": "candles_BTCUSDT_1m", "validator": validator})

    bad, good = await put(adapter, candle(), FULL["candles"])

    assert bad.reason is Reason.SCHEMA and good == STORED


async def test_another_unique_index_rejects_one_record_and_is_no_duplicate(
    adapter: MongoDBAdapter, client: Client, unique_name: str
) -> None:
    await client[unique_name]["trades_BTCUSDT"].create_index("trade_id", unique=True)

    again, bad, good = await put(adapter, trade(0), trade(0, timestamp=T0 + MS), trade(1))

    assert (again, good) == (DUPLICATE, STORED)
    assert bad.reason is Reason.UNIQUE_INDEX and "trade_id" in bad.error


async def test_a_wrong_password_needs_a_person_and_is_never_told(mongodb_uri: str) -> None:
    uri = mongodb_uri.replace("mongodb://", "mongodb://nobody:canary@")

    with pytest.raises(OperatorError) as caught:
        await MongoDBAdapter(uri, "market").connect()

    assert "password" in caught.value.fix
    assert "canary" not in "".join(traceback.format_exception(caught.value)).replace(uri, "")


async def test_a_server_that_is_not_there_is_unavailable_within_seconds() -> None:
    before = time.monotonic()

    with pytest.raises(UnavailableError):
        await MongoDBAdapter("mongodb://127.0.0.1:1", "market").connect()

    assert time.monotonic() - before < 5


def _liquidation_of(size: int, digest: str) -> Record:
    """A liquidation whose document has exactly this many bytes."""
    empty = replace(FULL["liquidations"], digest=digest, status="")
    return replace(empty, status="x" * (size - len(ENCODERS["liquidations"](empty)[1])))
