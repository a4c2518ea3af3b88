"""What every section of the settings has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A frozen group of settings; each field's alias is the environment variable that sets it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        use_enum_values=False,
    )


def _split(value: object) -> object:
    if isinstance(value, str):
        return [part for part in (part.strip() for part in value.split(",")) if part]
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Several values: separated by commas in the environment, there or as a list in the file."""
