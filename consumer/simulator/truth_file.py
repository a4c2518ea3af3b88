"""The truth as a JSON file, exact: decimals as text, times as epoch milliseconds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from consumer.simulator.drafts import Document, at
from consumer.simulator.truth import Truth
from storage import Outcome, Reason


def write_truth(truth: Truth, file: Path) -> None:
    """Write all of it."""
    content = {
        "messages": truth.messages,
        "received": truth.received,
        "ignored": truth.ignored,
        "outcomes": truth.outcomes,
        "dead_letters": truth.dead_letters,
        "missing": {name: sorted(keys) for name, keys in sorted(truth.missing.items())},
        "contradictions": [
            {"collection": name, "_id": key, "documents": others}
            for (name, key), others in truth.contradictions.items()
        ],
        "documents": {name: list(documents.values()) for name, documents in sorted(truth.documents.items())},
    }
    file.write_text(json.dumps(content, default=_encode), encoding="utf-8")


def read_truth(file: Path) -> Truth:
    """Read what `write_truth` wrote: good for comparing, not for observing more."""
    content = json.loads(file.read_text(encoding="utf-8"), object_hook=_decode)
    truth = Truth(messages=content["messages"], ignored=content["ignored"])
    truth.outcomes = Counter({Outcome(name): count for name, count in content["outcomes"].items()})
    truth.dead_letters = Counter({Reason(name): count for name, count in content["dead_letters"].items()})
    truth.withheld = {name: set(keys) for name, keys in content["missing"].items()}
    truth.contradictions = {
        (entry["collection"], entry["_id"]): [_document(other) for other in entry["documents"]]
        for entry in content["contradictions"]
    }
    truth.documents = {
        name: {document["_id"]: _document(document) for document in documents}
        for name, documents in content["documents"].items()
    }
    return truth


def _encode(value: object) -> object:
    match value:
        case Decimal():
            return {"$decimal": str(value)}
        case datetime():
            return {"$ms": round(value.timestamp() * 1000)}
    raise TypeError(f"the truth holds no {type(value).__name__}")


def _decode(value: dict[str, Any]) -> Any:
    match value:
        case {"$decimal": str(text)}:
            return Decimal(text)
        case {"$ms": int(milliseconds)}:
            return at(milliseconds)
    return value


def _document(document: Mapping[str, Any]) -> Document:
    """A document whose levels are tuples again."""
    return {
        name: tuple((price, quantity) for price, quantity in value) if isinstance(value, list) else value
        for name, value in document.items()
    }
