"""Executions: `trade` and `aggTrade`."""

from __future__ import annotations

from typing import ClassVar, Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, optional_time, symbol, time
from storage import AggTrade, Record, Trade


class TradeShape(Shape, gc=False):
    """`trade`: one execution; several share a millisecond."""

    table: ClassVar[str] = "trades"
    fields: ClassVar[tuple[str, ...]] = ("s", "T", "t", "p", "q", "m", "E")

    e: Literal["trade"]
    s: str
    t: Int64
    p: str
    q: str
    T: Int64
    m: bool
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Trade(
                symbol=symbol(self.s),
                timestamp=time(self.T),
                trade_id=self.t,
                price=decimal(self.p),
                quantity=decimal(self.q),
                is_buyer_maker=self.m,
                event_time=optional_time(self.E),
            ),
        )


class AggTradeShape(Shape, gc=False):
    """`aggTrade`: the executions of one taker order at one price."""

    table: ClassVar[str] = "agg_trades"
    fields: ClassVar[tuple[str, ...]] = ("s", "T", "a", "f", "l", "p", "q", "m", "E")

    e: Literal["aggTrade"]
    s: str
    a: Int64
    p: str
    q: str
    f: Int64
    l: Int64  # noqa: E741 - the wire's own name
    T: Int64
    m: bool
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            AggTrade(
                symbol=symbol(self.s),
                timestamp=time(self.T),
                agg_trade_id=self.a,
                first_trade_id=self.f,
                last_trade_id=self.l,
                price=decimal(self.p),
                quantity=decimal(self.q),
                is_buyer_maker=self.m,
                event_time=optional_time(self.E),
            ),
        )
