"""Which rules of a validator a document broke, and where: read from the server's own account of it.

The format is https://www.mongodb.com/docs/manual/core/schema-validation/handle-invalid-documents/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Details = Mapping[str, Any]


def rules_of(details: Details) -> str:
    """Each broken rule as `path: rule`, such as "price: bsonType decimal"; empty when there is no account."""
    return "; ".join(f"{path or 'the document'}: {rule}" for path, rule in _broken("", details))


def _broken(path: str, details: Details) -> Iterator[tuple[str, str]]:
    if "itemIndex" in details:
        path = _joined(path, str(details["itemIndex"]))
    inner = [*details.get("schemaRulesNotSatisfied", ()), *_list(details.get("details"))]
    for each in inner:
        yield from _broken(path, each)
    for each in details.get("propertiesNotSatisfied", ()):
        yield from _broken(_joined(path, each["propertyName"]), each)
    yield from ((_joined(path, name), "additionalProperties false") for name in details.get("additionalProperties", ()))
    yield from ((_joined(path, name), "required") for name in details.get("missingProperties", ()))
    if not inner and "propertiesNotSatisfied" not in details and "specifiedAs" in details:
        yield from _leaf(path, details)


def _leaf(path: str, details: Details) -> Iterator[tuple[str, str]]:
    if "additionalProperties" not in details and "missingProperties" not in details:
        yield path, " ".join(f"{name} {rule}" for name, rule in details["specifiedAs"].items())


def _list(details: Any) -> list[Details]:
    return details if isinstance(details, list) else [details] if isinstance(details, Mapping) else []


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
