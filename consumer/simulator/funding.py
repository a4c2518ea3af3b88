"""Mark prices with the funding rate that runs, and the rates that history has settled."""

from __future__ import annotations

from decimal import Decimal

from consumer.simulator.drafts import Draft, Fact, at, fixed
from consumer.simulator.instruments import FUNDING_MS, Instrument, Random


def mark_price(i: Instrument, now: int, random: Random) -> Draft:
    """A mark price and the running rate of the next funding time; now and then a delivery contract's, without one."""
    if random() < 0.05:
        return _delivery(i, now, random)
    event, following = i.stamp("mark_price", now), next_funding(now)
    mark, index, settle, rate = (*_prices(i, random), _rate(random))
    payload = _payload(i.symbol, event, mark, index, settle, rate, following)
    marked = _mark(i.symbol, event, mark, index, settle) | {
        "last_funding_rate": Decimal(rate),
        "next_funding_time": at(following),
    }
    funding = _funding(i.symbol, following, rate, mark) | {"is_settled": False, "event_time": at(event)}
    facts = (
        Fact(f"mark_prices_{i.symbol}", marked),
        Fact(f"funding_rates_{i.symbol}", funding, (False, (True, event))),
    )
    return _draft(i, now, payload, facts)


def _delivery(i: Instrument, now: int, random: Random) -> Draft:
    """A contract that is delivered on a day has no funding: an empty rate and a time of 0."""
    symbol, event = f"{i.symbol}_250627", i.stamp("delivery", now)
    mark, index, settle = _prices(i, random)
    payload = _payload(symbol, event, mark, index, settle, "", 0)
    return _draft(i, now, payload, (Fact(f"mark_prices_{symbol}", _mark(symbol, event, mark, index, settle)),))


def funding_row(i: Instrument, settled: int, random: Random, now: int) -> Draft:
    """A row of funding history: settled, some milliseconds late, without a stream's name."""
    rate, mark = _rate(random), fixed(i.price, i.price_digits)
    payload = (
        f'{{"symbol":"{i.symbol}","fundingTime":{settled + int(random() * 15)},"fundingRate":"{rate}",'
        f'"markPrice":"{mark}"}}'
    )
    document = _funding(i.symbol, settled, rate, mark) | {"is_settled": True}
    fact = Fact(f"funding_rates_{i.symbol}", document, (True, (False, 0)))
    return Draft(
        kind="funding_row", symbol=i.symbol, stream="", payload=payload, time_ms=now, facts=(fact,), bare=random() < 0.5
    )


def next_funding(now: int) -> int:
    """The funding time after `now`, every eight hours."""
    return now - now % FUNDING_MS + FUNDING_MS


def _prices(i: Instrument, random: Random) -> tuple[str, str, str]:
    i.walk(random)
    digits = i.price_digits + 3
    units = i.price * 1000
    mark, index, settle = (fixed(units + int(random() * 2000) - 1000, digits) for _ in range(3))
    return mark, index, settle


def _rate(random: Random) -> str:
    return fixed(int(random() * 80_000) - 20_000, 8)


def _payload(symbol: str, event: int, mark: str, index: str, settle: str, rate: str, following: int) -> str:
    return (
        f'{{"e":"markPriceUpdate","E":{event},"s":"{symbol}","p":"{mark}","i":"{index}","P":"{settle}",'
        f'"r":"{rate}","T":{following}}}'
    )


def _mark(symbol: str, event: int, mark: str, index: str, settle: str) -> dict[str, object]:
    return {
        "_id": f"{symbol}_{event}",
        "symbol": symbol,
        "timestamp": at(event),
        "mark_price": Decimal(mark),
        "index_price": Decimal(index),
        "estimated_settle_price": Decimal(settle),
    }


def _funding(symbol: str, funded: int, rate: str, mark: str) -> dict[str, object]:
    return {
        "_id": f"{symbol}_{funded}",
        "symbol": symbol,
        "timestamp": at(funded),
        "funding_rate": Decimal(rate),
        "mark_price": Decimal(mark),
    }


def _draft(i: Instrument, now: int, payload: str, facts: tuple[Fact, ...]) -> Draft:
    return Draft(
        kind="mark_price",
        symbol=i.symbol,
        stream=f"{i.lower}@markPrice@1s",
        payload=payload,
        time_ms=now,
        facts=facts,
    )
