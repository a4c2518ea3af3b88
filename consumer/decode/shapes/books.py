"""Order books: `depthUpdate`, partial depth, `bookTicker`."""

from __future__ import annotations

from typing import ClassVar, Literal

from consumer.decode.origin import Origin
from consumer.decode.shapes.base import Int64, Shape
from consumer.decode.values import decimal, symbol, time
from storage import BookTicker, Depth, Record
from storage.packed import Item, Pack, Packed
from storage.records import Level
from storage.times import to_ms

WireLevels = tuple[tuple[str, str], ...]


class DepthShape(Shape, gc=False):
    """`depthUpdate`: a diff, or the best levels when the stream's name says so."""

    table: ClassVar[str] = "depth"
    fields: ClassVar[tuple[str, ...]] = ("s", "E", "U", "u", "pu", "b", "a")

    e: Literal["depthUpdate"]
    E: Int64
    s: str
    U: Int64
    u: Int64
    b: WireLevels
    a: WireLevels
    pu: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Depth(
                symbol=symbol(self.s),
                timestamp=time(self.E),
                kind="snapshot" if origin.levels else "diff",
                first_update_id=self.U,
                last_update_id=self.u,
                previous_update_id=self.pu,
                bids=levels(self.b),
                asks=levels(self.a),
                levels=origin.levels,
            ),
        )

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        kind = "snapshot" if origin.levels else "diff"
        ids = (self.U, self.u, self.pu)
        packed = pack(symbol(self.s), self.E, kind, *ids, self.b, self.a, origin.levels)
        return (Packed(*packed, self.table),)


class PartialDepthShape(Shape, gc=False):
    """Spot partial depth and REST depth: no event name, no symbol, often no time."""

    lastUpdateId: Int64  # noqa: N815 - the wire's own name
    bids: WireLevels
    asks: WireLevels
    s: str | None = None
    E: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            Depth(
                symbol=symbol(self.s or origin.stream_symbol()),
                timestamp=time(self.E) if self.E else origin.time(),
                bus_time=not self.E,
                kind="snapshot",
                last_update_id=self.lastUpdateId,
                bids=levels(self.bids),
                asks=levels(self.asks),
                levels=origin.levels or max(len(self.bids), len(self.asks)),
            ),
        )


class BookTickerShape(Shape, gc=False):
    """`bookTicker`: best bid and ask; on spot without event name and time."""

    table: ClassVar[str] = "book_tickers"
    fields: ClassVar[tuple[str, ...]] = ("s", "T", "u", "b", "B", "a", "A")

    u: Int64
    s: str
    b: str
    B: str
    a: str
    A: str
    e: Literal["bookTicker"] | None = None
    T: Int64 | None = None

    def records(self, origin: Origin) -> tuple[Record, ...]:
        return (
            BookTicker(
                symbol=symbol(self.s),
                timestamp=time(self.T) if self.T else origin.time(),
                bus_time=not self.T,
                update_id=self.u,
                bid_price=decimal(self.b),
                bid_quantity=decimal(self.B),
                ask_price=decimal(self.a),
                ask_quantity=decimal(self.A),
            ),
        )

    def packed(self, pack: Pack, origin: Origin) -> tuple[Item, ...]:
        time_ms = self.T if self.T else to_ms(origin.time())
        return (Packed(*pack(symbol(self.s), time_ms, self.u, self.b, self.B, self.a, self.A), self.table),)


def levels(wire: WireLevels) -> tuple[Level, ...]:
    """The levels of one side of a book, exact."""
    return tuple((decimal(price), decimal(quantity)) for price, quantity in wire)
