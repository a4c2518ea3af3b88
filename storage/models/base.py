"""What all models share: frozen, no unknown fields, and the way to and from a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict

from storage.records import Record

R = TypeVar("R", bound=Record)

NOT_MODELLED = frozenset({"bus_time"})
"""It says where `timestamp` came from on the bus; at an edge there is none."""


class Model(BaseModel):
    """A value at the edge."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordModel(Model, Generic[R]):
    """One kind of record at the edge; `renamed` gives the edge's names of fields that have another."""

    record: ClassVar[type[Record]]
    renamed: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def from_record(cls, record: R) -> Self:
        """The model of a record; raises pydantic's ValidationError for values that no store would keep."""
        return cls.model_validate({theirs: getattr(record, ours) for ours, theirs in cls._fields()})

    def to_record(self) -> R:
        """The record, as repositories take it."""
        values = {ours: self._plain(getattr(self, theirs)) for ours, theirs in self._fields()}
        record: Any = self.record(**values)
        return record  # type: ignore[no-any-return]  # a class variable cannot be generic

    @classmethod
    def _fields(cls) -> Iterator[tuple[str, str]]:
        """The name of each field in the record and in the model."""
        names = [field.name for field in msgspec.structs.fields(cls.record)]
        return ((name, cls.renamed.get(name, name)) for name in names if name not in NOT_MODELLED)

    @staticmethod
    def _plain(value: Any) -> Any:
        return value
