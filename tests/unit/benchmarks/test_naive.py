"""The naive consumer writes what the product writes: only then is its row a mark."""

from __future__ import annotations

import json

import bson

from benchmarks.naive import document
from benchmarks.trades import documents, trades


def test_its_documents_are_those_of_the_product() -> None:
    messages = trades(300)
    payloads = [json.loads(message.data) for message in messages]
    naive = {each["_id"]: each for each in (document(payload.get("data", payload)) for payload in payloads)}
    stored = {each["_id"]: bson.decode(each.raw) for of_one in documents(messages).values() for each in of_one}

    assert {key: bson.decode(bson.encode(each)) for key, each in naive.items()} == stored
