"""No adapter is known without a suite that holds it to the contract."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from storage.adapters import ADAPTERS
from tests.contracts.adapter import AdapterContract

TESTS = Path(__file__).parent.parent


def suites(contract: type[AdapterContract]) -> Iterator[type[AdapterContract]]:
    for suite in contract.__subclasses__():
        yield from suites(suite)
        if suite.__name__.startswith("Test"):
            yield suite


def made_by(suite: type[AdapterContract]) -> set[str]:
    """The adapters that the fixtures of a suite name: by their class, or by their type."""
    ours = [each for each in suite.__mro__ if issubclass(each, AdapterContract) and each is not AdapterContract]
    source = "".join(map(inspect.getsource, ours))
    return {known for type, known in ADAPTERS.items() if f'"{type}"' in source or f"{known.split(':')[1]}(" in source}


@pytest.fixture(scope="module")
def held() -> set[str]:
    for path in TESTS.rglob("test_*adapter*.py"):
        import_module(".".join(path.relative_to(TESTS.parent).with_suffix("").parts))
    return set[str]().union(*map(made_by, suites(AdapterContract)))


@pytest.mark.parametrize("type", ADAPTERS)
def test_every_known_adapter_is_held_to_the_contract(type: str, held: set[str]) -> None:
    assert ADAPTERS[type] in held, f"{type} has no class in tests that inherits AdapterContract"


def test_an_adapter_without_a_suite_would_be_noticed(held: set[str]) -> None:
    assert "storage.adapters.base:BaseAdapter" not in held
