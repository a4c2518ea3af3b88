"""Candles: several updates while they are open, one that closes them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from consumer.simulator.drafts import Draft, Fact, at, fixed
from consumer.simulator.instruments import Instrument, Random

_LENGTH_MS = {"1m": 60_000, "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000}
TIMEFRAMES = (*_LENGTH_MS, "1M")
CONTRACT = "PERPETUAL"


def opening(now: int, timeframe: str) -> int:
    """When the candle that holds `now` opens; months follow the calendar."""
    if timeframe == "1M":
        month = at(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return round(month.timestamp() * 1000)
    return now - now % _LENGTH_MS[timeframe]


def closing(opened: int, timeframe: str) -> int:
    """The last millisecond of a candle."""
    if timeframe == "1M":
        return opening(round((at(opened) + timedelta(days=32)).timestamp() * 1000), timeframe) - 1
    return opened + _LENGTH_MS[timeframe] - 1


class Candle:
    """The running candle of one instrument and timeframe; with a `contract` it is a continuous one."""

    def __init__(self, i: Instrument, timeframe: str, now: int, contract: str = "") -> None:
        self._i = i
        self.timeframe = timeframe
        self._contract = contract
        self.symbol = f"{i.symbol}_{contract}" if contract else i.symbol
        self._open(opening(now, timeframe))

    def _open(self, opened: int) -> None:
        self.opened = opened
        self.closes = closing(opened, self.timeframe)
        self._open_price = self._high = self._low = self._close = self._i.price
        self._trades = self._volume = self._value = self._taker_volume = self._taker_value = 0

    def update(self, now: int, random: Random) -> Draft:
        """The candle as it is now; its last word when its time is over, and then the next one opens."""
        self._trade(random)
        is_closed = now > self.closes
        draft = self._draft(now, is_closed)
        if is_closed:
            self._open(self.closes + 1)
        return draft

    def _trade(self, random: Random) -> None:
        """What was traded since the last update; at least once, so that no two updates have one version."""
        price, volume = self._i.walk(random), self._i.quantity(random)
        taken = int(volume * random())
        self._close, self._high, self._low = price, max(self._high, price), min(self._low, price)
        self._trades += 1 + int(random() * 9)
        self._volume += volume
        self._value += volume * price
        self._taker_volume += taken
        self._taker_value += taken * price

    def _draft(self, now: int, is_closed: bool) -> Draft:
        payload, document = self._payload(now, is_closed), self._document(now, is_closed)
        version = (is_closed, now, document["trades_count"], document["volume"])
        stream = f"{self._contract.lower()}@continuousKline" if self._contract else "@kline"
        return Draft(
            kind="continuous_kline" if self._contract else "kline",
            symbol=self._i.symbol,
            stream=f"{self._i.lower}{'_' if self._contract else ''}{stream}_{self.timeframe}",
            payload=payload,
            time_ms=now,
            facts=(Fact(f"candles_{self.symbol}_{self.timeframe}", document, version),),
            timeframe=self.timeframe,
        )

    def _payload(self, now: int, is_closed: bool) -> str:
        i, price = self._i, self._i.price_text
        head = (
            f'"e":"continuous_kline","E":{now},"ps":"{i.symbol}","ct":"{self._contract}"'
            if self._contract
            else f'"e":"kline","E":{now},"s":"{i.symbol}"'
        )
        symbol = "" if self._contract else f'"s":"{i.symbol}",'
        return (
            f'{{{head},"k":{{"t":{self.opened},"T":{self.closes},{symbol}"i":"{self.timeframe}",'
            f'"f":{i.trade_id - self._trades},"L":{i.trade_id},"o":"{price(self._open_price)}",'
            f'"c":"{price(self._close)}","h":"{price(self._high)}","l":"{price(self._low)}",'
            f'"v":"{i.quantity_text(self._volume)}","n":{self._trades},"x":{"true" if is_closed else "false"},'
            f'"q":"{i.value_text(self._value)}","V":"{i.quantity_text(self._taker_volume)}",'
            f'"Q":"{i.value_text(self._taker_value)}","B":"0"}}}}'
        )

    def _document(self, now: int, is_closed: bool) -> dict[str, object]:
        i = self._i
        prices = [Decimal(i.price_text(units)) for units in (self._open_price, self._high, self._low, self._close)]
        return {
            "_id": f"{self.symbol}_{self.opened}",
            "symbol": self.symbol,
            "timestamp": at(self.opened),
            "timeframe": self.timeframe,
            **dict(zip(("open", "high", "low", "close"), prices, strict=True)),
            "volume": Decimal(i.quantity_text(self._volume)),
            "quote_volume": Decimal(fixed(self._value, i.price_digits + i.quantity_digits)),
            "trades_count": self._trades,
            "taker_buy_volume": Decimal(i.quantity_text(self._taker_volume)),
            "taker_buy_quote_volume": Decimal(i.value_text(self._taker_value)),
            "close_time": at(self.closes),
            "is_closed": is_closed,
            "event_time": at(now),
        }
