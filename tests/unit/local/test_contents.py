"""Documents become text and come back with every value as it was."""

from __future__ import annotations

import pytest

from storage import TABLE_OF, Record
from storage.adapters.local.contents import from_json, to_json
from tests.contracts.records import BARE, FULL


@pytest.mark.parametrize("record", [*FULL.values(), *BARE.values()], ids=lambda record: type(record).__name__)
def test_a_document_comes_back_with_its_types_and_digits(record: Record) -> None:
    document = TABLE_OF[type(record)].to_document(record)

    again = from_json(to_json(document))

    assert repr(again) == repr(document)


def test_what_no_document_holds_is_refused() -> None:
    with pytest.raises(TypeError):
        to_json({"price": object()})
