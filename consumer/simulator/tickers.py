"""The rolling statistics of a day, long and short."""

from __future__ import annotations

from decimal import Decimal

from consumer.simulator.drafts import Draft, Fact, at, fixed
from consumer.simulator.instruments import Instrument, Random

_DAY_MS = 86_400_000


def ticker(i: Instrument, now: int, random: Random) -> Draft:
    """The long form, as spot has it; keyed by its time."""
    event = i.stamp("ticker", now)
    texts = _day(i, random)
    change = i.price - i.opening_price
    texts |= {
        "p": fixed(change, i.price_digits),
        "P": fixed(change * 100_000 // i.opening_price, 3),
        "w": fixed((i.high + i.low) // 2, i.price_digits),
    }
    payload = (
        f'{{"e":"24hrTicker","E":{event},"s":"{i.symbol}",{_fields(texts)},"x":"{texts["o"]}","Q":"0.0102",'
        f'"b":"{texts["c"]}","B":"1.2","a":"{texts["c"]}","A":"0.8","O":{event - _DAY_MS},"C":{event},'
        f'"F":{i.trade_id - i.trades_today},"L":{i.trade_id},"n":{i.trades_today}}}'
    )
    document = _document(i, event, texts) | {
        "price_change": Decimal(texts["p"]),
        "price_change_percent": Decimal(texts["P"]),
        "weighted_average_price": Decimal(texts["w"]),
        "trades_count": i.trades_today,
    }
    return _draft(i, "ticker", now, payload, Fact(f"tickers_{i.symbol}", document))


def mini_ticker(i: Instrument, now: int, random: Random) -> Draft:
    """The short form; keyed by its time."""
    event = i.stamp("mini_ticker", now)
    texts = _day(i, random)
    payload = f'{{"e":"24hrMiniTicker","E":{event},"s":"{i.symbol}",{_fields(texts)}}}'
    return _draft(i, "mini_ticker", now, payload, Fact(f"mini_tickers_{i.symbol}", _document(i, event, texts)))


def _day(i: Instrument, random: Random) -> dict[str, str]:
    i.walk(random)
    i.day_volume += i.quantity(random)
    i.trades_today += 1 + int(random() * 5)
    prices = {"o": i.opening_price, "h": i.high, "l": i.low, "c": i.price}
    texts = {name: fixed(units, i.price_digits) for name, units in prices.items()}
    return texts | {"v": i.quantity_text(i.day_volume), "q": i.value_text(i.day_volume * i.price)}


def _fields(texts: dict[str, str]) -> str:
    return ",".join([f'"{name}":"{text}"' for name, text in texts.items()])


def _document(i: Instrument, event: int, texts: dict[str, str]) -> dict[str, object]:
    return {
        "_id": f"{i.symbol}_{event}",
        "symbol": i.symbol,
        "timestamp": at(event),
        "open": Decimal(texts["o"]),
        "high": Decimal(texts["h"]),
        "low": Decimal(texts["l"]),
        "close": Decimal(texts["c"]),
        "volume": Decimal(texts["v"]),
        "quote_volume": Decimal(texts["q"]),
    }


def _draft(i: Instrument, kind: str, now: int, payload: str, fact: Fact) -> Draft:
    stream = f"{i.lower}@{'ticker' if kind == 'ticker' else 'miniTicker'}"
    return Draft(kind=kind, symbol=i.symbol, stream=stream, payload=payload, time_ms=now, facts=(fact,))
