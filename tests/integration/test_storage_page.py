"""docs/storage.md, each block of it, on real servers: only the addresses are put in."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.keys import NAMES
from tests.integration.mongodb import FORGOTTEN_SOCKETS, client_of, forget

pytestmark = [
    pytest.mark.server("mongodb"),
    pytest.mark.server("mariadb"),
    pytest.mark.filterwarnings(FORGOTTEN_SOCKETS),
]

PAGE = Path(__file__).parents[2] / "docs" / "storage.md"
URI = "mongodb://db:27017/?replicaSet=rs0"


def blocks() -> list[tuple[int, str]]:
    """The Python of the page, with the line that each block begins at."""
    text = PAGE.read_text()
    found = re.finditer(r"```python\n(.*?)```", text, re.DOTALL)
    return [(text[: match.start(1)].count("\n"), match[1]) for match in found]


def run(code: str, line: int, names: dict[str, object]) -> None:
    """Run a block at its place in the page; in an event loop only where it awaits."""
    compiled = compile("\n" * line + code, PAGE, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(compiled, names))
    else:
        exec(compiled, names)


@pytest.fixture
def addresses(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, mariadb_database: str, unique_name: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """What to put into the page, and the environment that it speaks of."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("METADATA_URL", mariadb_database)
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DB", unique_name)
    monkeypatch.chdir(tmp_path)
    yield {URI: mongodb_uri, '"market"': f'"{unique_name}"'}
    asyncio.run(_forget(mongodb_uri, unique_name))


async def _forget(uri: str, database: str) -> None:
    async with client_of(uri) as client:
        await forget(client, database)


def test_each_block_of_the_page_works(addresses: dict[str, str], tmp_path: Path) -> None:
    names: dict[str, object] = {}
    for line, code in blocks():
        for theirs, ours in addresses.items():
            code = code.replace(theirs, ours)
        run(code, line, names)

    assert len(blocks()) == 9
    assert sorted(path.name for path in (tmp_path / "results").glob("results.*")) == ["results.json", "results.parquet"]


def test_each_page_that_it_points_to_is_there() -> None:
    pages = re.findall(r"\]\(([a-z]+\.md)\)", PAGE.read_text())

    assert [page for page in pages if not (PAGE.parent / page).exists()] == []
