"""The manual says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from storage.adapters.base import Capability
from storage.adapters.local import answers
from storage.queries import Accumulator, Operator, checks, documents, evaluate, filters, pipelines

MANUAL = (Path(__file__).parents[3] / "docs" / "queries.md").read_text()


async def test_the_answers_of_the_example_are_those_that_it_shows() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code.replace("asyncio.run(main())", "running = main()"), "docs/queries.md", "exec"), names)

    await names["running"]  # type: ignore[misc] # the coroutine of the example


@pytest.mark.parametrize(
    "name",
    [*Operator, "$exists", "$and", "$or", "$not", *Accumulator, "$match", "$group", "$sort", "$limit", "$project"],
)
def test_every_name_of_the_language_is_there(name: str) -> None:
    assert re.search(rf'[`"]{re.escape(name)}[`"]', MANUAL)


@pytest.mark.parametrize(
    "said",
    [
        f"at most {filters.MAX_COMPARISONS} comparisons with {filters.MAX_VALUES} values",
        f"a list at most {filters.MAX_LIST}",
        f"nesting goes to {filters.MAX_NESTING}",
        f"{checks.MAX_TEXT} characters",
        f"or `-1`), at most {pipelines.MAX_SORT_KEYS}",
        f"fields to keep, at most {pipelines.MAX_FIELDS}",
        f"at most {pipelines.MAX_STAGES} stages",
        f"measures (at most {pipelines.MAX_MEASURES}",
        f"at most {pipelines.MAX_MEASURE_NAME} characters",
        f"nested to {documents.MAX_NESTING}",
        f"1 to {documents.MAX_ID_BYTES} bytes",
        f"{answers.SORT_BYTES >> 20} MiB",
        f"{evaluate.MAX_HELD:,} keys".replace(",", " "),
        *(f"{capability.name}`" for capability in Capability),
    ],
)
def test_every_bound_is_the_one_of_the_code(said: str) -> None:
    assert said in " ".join(MANUAL.split())
