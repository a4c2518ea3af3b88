"""Questions: a documented subset of MongoDB's query language, checked first, meaning the same in every store."""

from storage.queries.changes import identity_of, parse_changes
from storage.queries.documents import check_documents, same_document
from storage.queries.evaluate import matches, run
from storage.queries.filters import parse_filter
from storage.queries.language import (
    Accumulator,
    AllOf,
    AnyOf,
    Compare,
    Exists,
    Filter,
    Group,
    Limit,
    Match,
    Measure,
    Not,
    Operator,
    Pipeline,
    Project,
    Sort,
    SortKey,
    Stage,
)
from storage.queries.pipelines import parse_find, parse_pipeline, parse_projection, parse_sort

__all__ = [
    "Accumulator",
    "AllOf",
    "AnyOf",
    "Compare",
    "Exists",
    "Filter",
    "Group",
    "Limit",
    "Match",
    "Measure",
    "Not",
    "Operator",
    "Pipeline",
    "Project",
    "Sort",
    "SortKey",
    "Stage",
    "check_documents",
    "identity_of",
    "matches",
    "parse_changes",
    "parse_filter",
    "parse_find",
    "parse_pipeline",
    "parse_projection",
    "parse_sort",
    "run",
    "same_document",
]
