"""What is traded: its price on a random walk, and the counters of its exchange."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from consumer.simulator.drafts import fixed

Random = Callable[[], float]
"""The next number of a seeded generator, from 0 to below 1."""

SPOT_DIGITS = 8
FUNDING_MS = 8 * 3_600_000

_KNOWN = (
    ("BTCUSDT", 6_712_345, 2, 5),
    ("ETHUSDT", 345_678, 2, 4),
    ("BNBUSDT", 58_910, 2, 3),
    ("1000SHIBUSDT", 182_340, 7, 0),
    ("XRPUSDT", 21_405, 4, 1),
    ("SOLUSDT", 142_370, 3, 2),
    ("DOGEUSDT", 16_542, 5, 0),
    ("ADAUSDT", 7_351, 4, 1),
)


@dataclass(slots=True)
class Instrument:
    """One symbol; `price` and quantities are whole numbers of their last digit.

    The update id counts every change of the order book; a diff covers all changes since the diff before.
    """

    symbol: str
    price: int
    price_digits: int
    quantity_digits: int
    opening_price: int = 0
    high: int = 0
    low: int = 0
    day_volume: int = 987_654_321_987  # quote volumes pass what a float can hold
    trades_today: int = 100_000
    trade_id: int = 3_112_000_000
    agg_trade_id: int = 593_300_000
    update_id: int = 39_000_000_000
    diff_id: int = 39_000_000_000
    stamps: dict[str, int] = field(default_factory=dict)
    lower: str = field(init=False)

    def __post_init__(self) -> None:
        self.opening_price = self.high = self.low = self.price
        self.lower = self.symbol.lower()

    def walk(self, random: Random) -> int:
        """Move the price a little; returns it."""
        self.price = max(1_000, self.price + int(random() * 7) - 3)
        if self.price > self.high:
            self.high = self.price
        elif self.price < self.low:
            self.low = self.price
        return self.price

    def quantity(self, random: Random) -> int:
        """A quantity that somebody trades; small ones are more frequent."""
        return 1 + int(random() * random() * 100_000)

    def price_text(self, units: int, padded: bool = False) -> str:
        """A price as the exchange writes it; spot pads to eight digits."""
        return _padded(fixed(units, self.price_digits), self.price_digits, padded)

    def quantity_text(self, units: int, padded: bool = False) -> str:
        """A quantity as the exchange writes it; spot pads to eight digits."""
        return _padded(fixed(units, self.quantity_digits), self.quantity_digits, padded)

    def value_text(self, units: int) -> str:
        """Price times quantity, exact."""
        return fixed(units, self.price_digits + self.quantity_digits)

    def stamp(self, name: str, now: int) -> int:
        """A time for an event that is keyed by its time: now, or just after the last one of that name."""
        stamp = self.stamps[name] = max(now, self.stamps.get(name, 0) + 1)
        return stamp


def _padded(text: str, digits: int, padded: bool) -> str:
    if not padded or digits >= SPOT_DIGITS:
        return text
    return text + "0" * (SPOT_DIGITS - digits) if digits else f"{text}.00000000"


def instruments(count: int) -> list[Instrument]:
    """The first `count` symbols: some that everybody knows, then numbered ones."""
    known = [Instrument(*values) for values in _KNOWN[:count]]
    numbered = range(len(known), count)
    return known + [Instrument(f"SIM{n:04d}USDT", 10_000 + n * 37 % 90_000, 4, 2) for n in numbered]
