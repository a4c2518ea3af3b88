"""SQLAlchemy's modules of the dialects, each imported when a database speaks it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def dialect_module(name: str) -> Any:
    """`sqlalchemy.dialects.mysql`, `.postgresql` or `.sqlite`; PostgreSQL's would be a tenth of every start."""
    return import_module(f"sqlalchemy.dialects.{name}")
