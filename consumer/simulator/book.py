"""What is on offer: changes of the order book, its best levels, its best bid and ask."""

from __future__ import annotations

from decimal import Decimal

from consumer.simulator.drafts import Draft, Fact, at
from consumer.simulator.instruments import Instrument, Random

_Levels = tuple[tuple[Decimal, Decimal], ...]
PARTIAL_LEVELS = 20
PARTIAL = f"depth{PARTIAL_LEVELS}@100ms"


def depth(i: Instrument, now: int, random: Random) -> Draft:
    """A spot diff: it follows the one before when `U` is its `u` plus one."""
    first, last = _next_diff(i, random)
    bids, asks = _changes(i, random, -1, True), _changes(i, random, 1, True)
    payload = f'{{"e":"depthUpdate","E":{now},"s":"{i.symbol}","U":{first},"u":{last},"b":[{bids[0]}],"a":[{asks[0]}]}}'
    document = _diff(i, now, first, last) | {"bids": bids[1], "asks": asks[1]}
    return _draft(i, "depth", "depth@100ms", now, payload, Fact(f"depth_{i.symbol}", document))


def futures_depth(i: Instrument, now: int, random: Random) -> Draft:
    """A futures diff: it follows the one before when its `pu` is that one's `u`."""
    previous = i.diff_id
    first, last = _next_diff(i, random)
    bids, asks = _changes(i, random, -1), _changes(i, random, 1)
    payload = (
        f'{{"e":"depthUpdate","E":{now},"T":{now - 1},"s":"{i.symbol}","U":{first},"u":{last},"pu":{previous},'
        f'"b":[{bids[0]}],"a":[{asks[0]}]}}'
    )
    document = _diff(i, now, first, last) | {"previous_update_id": previous, "bids": bids[1], "asks": asks[1]}
    return _draft(i, "futures_depth", "depth@100ms", now, payload, Fact(f"depth_{i.symbol}", document))


def partial_depth(i: Instrument, now: int, random: Random) -> Draft:
    """The best levels of spot: no event name, no symbol, no time."""
    i.update_id += 1
    bids, asks = _best(i, random, -1, True), _best(i, random, 1, True)
    payload = f'{{"lastUpdateId":{i.update_id},"bids":[{bids[0]}],"asks":[{asks[0]}]}}'
    document = _snapshot(i, now) | {"last_update_id": i.update_id, "bids": bids[1], "asks": asks[1]}
    return _draft(i, "partial_depth", PARTIAL, now, payload, Fact(f"depth_{i.symbol}", document, None, True), True)


def futures_partial_depth(i: Instrument, now: int, random: Random) -> Draft:
    """The best levels of futures: the shape of a diff, only the stream's name tells."""
    previous = i.update_id
    i.update_id += 1 + int(random() * 3)
    bids, asks = _best(i, random, -1), _best(i, random, 1)
    payload = (
        f'{{"e":"depthUpdate","E":{now},"T":{now - 1},"s":"{i.symbol}","U":{previous + 1},"u":{i.update_id},'
        f'"pu":{previous},"b":[{bids[0]}],"a":[{asks[0]}]}}'
    )
    document = _snapshot(i, now) | {
        "first_update_id": previous + 1,
        "last_update_id": i.update_id,
        "previous_update_id": previous,
        "bids": bids[1],
        "asks": asks[1],
    }
    return _draft(i, "futures_partial_depth", PARTIAL, now, payload, Fact(f"depth_{i.symbol}", document), True)


def book_ticker(i: Instrument, now: int, random: Random) -> Draft:
    """The best bid and ask of spot: no event name, no time."""
    return _book_ticker(i, now, random, None)


def futures_book_ticker(i: Instrument, now: int, random: Random) -> Draft:
    """The best bid and ask of futures, with their times."""
    return _book_ticker(i, now, random, now - int(random() * 3))


def _book_ticker(i: Instrument, now: int, random: Random, traded: int | None) -> Draft:
    i.walk(random)
    i.update_id += 1
    spot = traded is None
    bid, bid_quantity = i.price_text(i.price - 1, spot), i.quantity_text(i.quantity(random), spot)
    ask, ask_quantity = i.price_text(i.price + 1, spot), i.quantity_text(i.quantity(random), spot)
    times = "" if spot else f'"E":{now},"T":{traded},'
    event = "" if spot else '"e":"bookTicker",'
    payload = (
        f'{{{event}"u":{i.update_id},{times}"s":"{i.symbol}","b":"{bid}","B":"{bid_quantity}",'
        f'"a":"{ask}","A":"{ask_quantity}"}}'
    )
    document = {
        "_id": f"{i.symbol}_{i.update_id}",
        "symbol": i.symbol,
        "timestamp": at(now if traded is None else traded),
        "update_id": i.update_id,
        "bid_price": Decimal(bid),
        "bid_quantity": Decimal(bid_quantity),
        "ask_price": Decimal(ask),
        "ask_quantity": Decimal(ask_quantity),
    }
    kind = "book_ticker" if spot else "futures_book_ticker"
    return _draft(i, kind, "bookTicker", now, payload, Fact(f"book_tickers_{i.symbol}", document, None, spot), spot)


def _draft(i: Instrument, kind: str, stream: str, now: int, payload: str, fact: Fact, wrapped: bool = False) -> Draft:
    return Draft(
        kind=kind,
        symbol=i.symbol,
        stream=f"{i.lower}@{stream}",
        payload=payload,
        time_ms=now,
        facts=(fact,),
        timeless=fact.bus_time,
        wrapped=wrapped,
    )


def _next_diff(i: Instrument, random: Random) -> tuple[int, int]:
    """The update ids from the last diff to now."""
    first = i.diff_id + 1
    i.update_id += 1 + int(random() * 5)
    i.diff_id = i.update_id
    return first, i.update_id


def _diff(i: Instrument, now: int, first: int, last: int) -> dict[str, object]:
    return {
        "_id": f"{i.symbol}_{first}_{last}",
        "symbol": i.symbol,
        "timestamp": at(now),
        "kind": "diff",
        "first_update_id": first,
        "last_update_id": last,
    }


def _snapshot(i: Instrument, now: int) -> dict[str, object]:
    return {
        "_id": f"{i.symbol}_{i.update_id}_s{PARTIAL_LEVELS}",
        "symbol": i.symbol,
        "timestamp": at(now),
        "kind": "snapshot",
    }


def _changes(i: Instrument, random: Random, side: int, padded: bool = False) -> tuple[str, _Levels]:
    """A few levels that changed, none now and then; a quantity of 0 removes one."""
    levels, distance = [], 0
    for _ in range(int(random() * 5)):
        distance += 1 + int(random() * 4)
        levels.append((distance, 0 if random() < 0.3 else i.quantity(random)))
    return _written(i, levels, side, padded)


def _best(i: Instrument, random: Random, side: int, padded: bool = False) -> tuple[str, _Levels]:
    return _written(i, [(n + 1, i.quantity(random)) for n in range(PARTIAL_LEVELS)], side, padded)


def _written(i: Instrument, levels: list[tuple[int, int]], side: int, padded: bool) -> tuple[str, _Levels]:
    """The levels as JSON and as values."""
    texts = [(i.price_text(i.price + side * far, padded), i.quantity_text(much, padded)) for far, much in levels]
    values = tuple([(Decimal(price), Decimal(quantity)) for price, quantity in texts])
    return ",".join([f'["{price}","{quantity}"]' for price, quantity in texts]), values
