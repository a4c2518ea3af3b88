"""Liquidations: `forceOrder`."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, optional_decimal, symbol, time
from storage import Liquidation, Record

Status = Annotated[str, msgspec.Meta(pattern="^[A-Z_]{1,32}$")]


class Order(msgspec.Struct, gc=False):
    """The order inside of `forceOrder`."""

    s: str
    S: Literal["BUY", "SELL"]
    q: str
    p: str
    T: Int64
    ap: str | None = None
    X: Status | None = None
    l: str | None = None  # noqa: E741 - the wire's own name
    z: str | None = None

    def digest(self) -> str:
        """Sixteen hex digits of SHA-256 over the order's own texts: the exchange gives it no id."""
        text = "|".join(value or "" for value in (self.S, self.p, self.q, self.ap, self.X, self.l, self.z))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ForceOrderShape(Shape, gc=False):
    """`forceOrder`: a liquidation; its symbol stands in the order."""

    e: Literal["forceOrder"]
    o: Order

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Liquidation(
                symbol=symbol(self.o.s),
                timestamp=time(self.o.T),
                side=self.o.S,
                price=decimal(self.o.p),
                average_price=optional_decimal(self.o.ap),
                quantity=decimal(self.o.q),
                filled_quantity=optional_decimal(self.o.z),
                status=self.o.X,
                digest=self.o.digest(),
            ),
        )
