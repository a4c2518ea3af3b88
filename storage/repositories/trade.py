"""Executions on the tape."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact

from storage.records import Trade
from storage.repositories.base import Repository
from storage.tables import TRADES
from storage.values import MAX_FRACTION_DIGITS

_EXACT = Context(prec=200, traps=[Inexact])
"""A product has 68 digits at most; the rest is room for more trades than there ever were."""
_ROUNDED = Context(prec=200, rounding=ROUND_HALF_EVEN)


class TradeRepository(Repository[Trade]):
    """Trades by symbol."""

    table = TRADES

    async def vwap(self, symbol: str, start: datetime, end: datetime) -> Decimal | None:
        """The mean price of the range weighted by quantity; None when nothing was traded.

        The sums are exact; the quotient is rounded half-even to 18 decimals. `start` is inclusive, `end` exclusive.
        """
        value = quantity = Decimal(0)
        async for trade in self.get_range(symbol, start, end):
            value = _EXACT.add(value, _EXACT.multiply(trade.price, trade.quantity))
            quantity = _EXACT.add(quantity, trade.quantity)
        if not quantity:
            return None
        return _ROUNDED.divide(value, quantity).quantize(Decimal(1).scaleb(-MAX_FRACTION_DIGITS), context=_ROUNDED)
