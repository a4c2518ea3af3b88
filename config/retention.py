"""How long documents are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from config.section import Section

_PATTERN = r"^[1-9][0-9]{0,3}[mhd]$"
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def _duration(value: object) -> object:
    if isinstance(value, timedelta | None):
        return value
    if not isinstance(value, str) or not re.fullmatch(_PATTERN, value.strip()):
        raise ValueError("is a whole number of minutes, hours or days, such as 90m, 12h or 30d")
    text = value.strip()
    return int(text[:-1]) * _UNITS[text[-1]]


Duration = Annotated[
    timedelta | None, BeforeValidator(_duration), WithJsonSchema({"type": "string", "pattern": _PATTERN})
]
"""30d, 12h or 90m; unset is for ever."""


def _of(kind: str) -> timedelta | None:
    alias, noun = f"RETENTION_{kind.upper()}", kind.replace("_", " ")
    default: timedelta | None = Field(
        None, alias=alias, description=f"How long {noun} are kept, by their timestamp: 30d, 12h, 90m; unset: for ever."
    )
    return default


class RetentionSettings(Section):
    """How long documents of each kind are kept. Dead letters and conflicts stay until somebody deletes them."""

    trades: Duration = _of("trades")
    agg_trades: Duration = _of("agg_trades")
    candles: Duration = _of("candles")
    depth: Duration = _of("depth")
    funding_rates: Duration = _of("funding_rates")
    mark_prices: Duration = _of("mark_prices")
    tickers: Duration = _of("tickers")
    mini_tickers: Duration = _of("mini_tickers")
    book_tickers: Duration = _of("book_tickers")
    liquidations: Duration = _of("liquidations")

    @property
    def by_kind(self) -> Mapping[str, timedelta]:
        """The kinds that are not kept for ever."""
        return {kind: keep for kind in type(self).model_fields if (keep := getattr(self, kind)) is not None}
