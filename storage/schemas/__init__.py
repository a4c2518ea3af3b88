"""What a document of each kind must look like, read off the one declaration of its fields."""

from storage.schemas.compatibility import Mode, compatible, refuse_incompatible
from storage.schemas.history import PUBLISHED, published, refuse_change
from storage.schemas.json_schema import get_schema, schema_id
from storage.schemas.validation import Problem, problems_of, validate_schema

__all__ = [
    "PUBLISHED",
    "Mode",
    "Problem",
    "compatible",
    "get_schema",
    "problems_of",
    "published",
    "refuse_change",
    "refuse_incompatible",
    "schema_id",
    "validate_schema",
]
