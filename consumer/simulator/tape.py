"""What is executed: trades of spot and futures, aggregate trades, liquidations."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from consumer.simulator.drafts import Draft, Fact, at
from consumer.simulator.instruments import Instrument, Random

_TRUTH = ("false", "true")


def trade(i: Instrument, now: int, random: Random) -> Draft:
    """A spot trade; some are in microseconds, some carry the order ids of older payloads."""
    price, quantity = i.price_text(i.walk(random), True), i.quantity_text(i.quantity(random), True)
    event, micros, older, maker = now + int(random() * 4), random() < 0.05, random() < 0.05, random() < 0.5
    tail = f"{int(random() * 1000):03d}" if micros else ""
    orders = f'"b":{i.trade_id + 7},"a":{i.trade_id + 9},' if older else ""
    i.trade_id += 1
    payload = (
        f'{{"e":"trade","E":{event}{tail},"s":"{i.symbol}","t":{i.trade_id},"p":"{price}","q":"{quantity}",'
        f'{orders}"T":{now}{tail},"m":{_TRUTH[maker]},"M":true}}'
    )
    return _trade_draft(i, "trade", now, payload, (price, quantity, maker, event))


def futures_trade(i: Instrument, now: int, random: Random) -> Draft:
    """A futures trade, as its undocumented stream has it."""
    price, quantity = i.price_text(i.walk(random)), i.quantity_text(i.quantity(random))
    event, maker = now + int(random() * 4), random() < 0.5
    i.trade_id += 1
    payload = (
        f'{{"e":"trade","E":{event},"T":{now},"s":"{i.symbol}","t":{i.trade_id},"p":"{price}","q":"{quantity}",'
        f'"X":"MARKET","m":{_TRUTH[maker]}}}'
    )
    return _trade_draft(i, "futures_trade", now, payload, (price, quantity, maker, event))


def _trade_draft(i: Instrument, kind: str, now: int, payload: str, values: tuple[str, str, bool, int]) -> Draft:
    price, quantity, maker, event = values
    document = {
        "_id": f"{i.symbol}_{now}_{i.trade_id}",
        "symbol": i.symbol,
        "timestamp": at(now),
        "trade_id": i.trade_id,
        "price": Decimal(price),
        "quantity": Decimal(quantity),
        "is_buyer_maker": maker,
        "event_time": at(event),
    }
    return Draft(
        kind=kind,
        symbol=i.symbol,
        stream=f"{i.lower}@trade",
        payload=payload,
        time_ms=now,
        facts=(Fact(f"trades_{i.symbol}", document),),
    )


def agg_trade(i: Instrument, now: int, random: Random) -> Draft:
    """A futures aggregate trade; newer ones say how much of it was no retail price improvement."""
    price, quantity = i.price_text(i.walk(random)), i.quantity_text(i.quantity(random))
    event, maker, last = now + int(random() * 6), random() < 0.5, i.trade_id + 1 + int(random() * 3)
    newer = f'"nq":"{quantity}",' if random() < 0.5 else ""
    i.agg_trade_id += 1
    payload = (
        f'{{"e":"aggTrade","E":{event},"s":"{i.symbol}","a":{i.agg_trade_id},"p":"{price}","q":"{quantity}",{newer}'
        f'"f":{i.trade_id + 1},"l":{last},"T":{now},"m":{_TRUTH[maker]}}}'
    )
    document = {
        "_id": f"{i.symbol}_{now}_{i.agg_trade_id}",
        "symbol": i.symbol,
        "timestamp": at(now),
        "agg_trade_id": i.agg_trade_id,
        "first_trade_id": i.trade_id + 1,
        "last_trade_id": last,
        "price": Decimal(price),
        "quantity": Decimal(quantity),
        "is_buyer_maker": maker,
        "event_time": at(event),
    }
    i.trade_id = last
    return Draft(
        kind="agg_trade",
        symbol=i.symbol,
        stream=f"{i.lower}@aggTrade",
        payload=payload,
        time_ms=now,
        facts=(Fact(f"agg_trades_{i.symbol}", document),),
    )


def liquidation(i: Instrument, now: int, random: Random) -> Draft:
    """A forced order; the exchange gives it no id, and at most one a second for each symbol."""
    stamp = i.stamps["liquidation"] = max(now, i.stamps.get("liquidation", 0) + 1000)
    side = "SELL" if random() < 0.5 else "BUY"
    price, average = i.price_text(i.walk(random)), i.price_text(i.walk(random))
    quantity = i.quantity_text(i.quantity(random))
    order = (side, price, quantity, average, "FILLED", quantity, quantity)
    digest = hashlib.sha256("|".join(order).encode()).hexdigest()[:16]
    payload = (
        f'{{"e":"forceOrder","E":{stamp + 2},"o":{{"s":"{i.symbol}","S":"{side}","o":"LIMIT","f":"IOC",'
        f'"q":"{quantity}","p":"{price}","ap":"{average}","X":"FILLED","l":"{quantity}","z":"{quantity}","T":{stamp}}}}}'
    )
    document = {
        "_id": f"{i.symbol}_{stamp}_{digest}",
        "symbol": i.symbol,
        "timestamp": at(stamp),
        "side": side,
        "price": Decimal(price),
        "average_price": Decimal(average),
        "quantity": Decimal(quantity),
        "filled_quantity": Decimal(quantity),
        "status": "FILLED",
    }
    return Draft(
        kind="liquidation",
        symbol=i.symbol,
        stream=f"{i.lower}@forceOrder",
        payload=payload,
        time_ms=now,
        facts=(Fact(f"liquidations_{i.symbol}", document),),
    )
