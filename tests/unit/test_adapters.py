"""The registry of adapters."""

from __future__ import annotations

import sys

import pytest

from storage import OperatorError, UnavailableError
from storage.adapters import ADAPTERS, get_adapter
from storage.adapters.base import BaseAdapter
from storage.adapters.memory import MemoryAdapter
from storage.adapters.mongodb import MongoDBAdapter


def test_an_adapter_is_found_by_its_type() -> None:
    assert isinstance(get_adapter("memory"), MemoryAdapter)
    assert isinstance(get_adapter("mongodb", "mongodb://127.0.0.1:1", database="market"), MongoDBAdapter)


def test_an_unknown_type_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="local, mariadb, memory, mongodb, mysql, postgresql, sqlite"):
        get_adapter("oracle", "x")


@pytest.mark.parametrize("type", ADAPTERS)
def test_every_known_type_is_an_adapter(type: str, tmp_path: object) -> None:
    assert isinstance(get_adapter(type, str(tmp_path)), BaseAdapter)


async def test_mongodb_is_unavailable_before_it_is_connected() -> None:
    with pytest.raises(UnavailableError, match="connect"):
        await MongoDBAdapter("mongodb://127.0.0.1:1").ping()


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:canary/hidden@127.0.0.1/db",
        "mongodb://user:ca:nary@127.0.0.1",
        "mongodb://user:canary@[::1",
        "mongodb://127.0.0.1:canary",
        "user:canary@127.0.0.1",
    ],
)
async def test_a_connection_string_that_cannot_be_used_is_never_quoted(uri: str) -> None:
    with pytest.raises(OperatorError) as caught:
        await MongoDBAdapter(uri).connect()

    assert "canary" not in f"{caught.value} {caught.value.fix}"
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None


async def test_motor_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "motor.motor_asyncio", None)

    with pytest.raises(OperatorError) as caught:
        await MongoDBAdapter("mongodb://127.0.0.1:1", driver="motor").connect()

    assert "tapestore[motor]" in caught.value.fix
