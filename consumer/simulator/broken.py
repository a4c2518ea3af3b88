"""Messages that can never be stored, each with the reason that its dead letter must give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from consumer.simulator.drafts import Draft
from consumer.simulator.instruments import Instrument, Random
from consumer.simulator.kinds import joined, listed
from storage import Reason


class Way(NamedTuple):
    """One way to break a futures trade: other JSON for some of its fields, None leaves one out."""

    reason: Reason
    changes: Mapping[str, str | None]


_NUMBERS = ("Infinity", "1e5", "1_0", " 1", "", "1" * 21, "0." + "1" * 19, "12,5")
_SYMBOLS = ("$where", "a.b", "A" * 300, "BTC USDT", "x\\u0000y", "")

_ONE_OF_EACH = (
    Way(Reason.NOT_JSON, {"p": "NaN"}),
    Way(Reason.NOT_UTF8, {"X": '"\udcff\udcfe"'}),  # written as the bytes FF FE
    Way(Reason.TOO_DEEP, {"x": "[" * 1_000 + "]" * 1_000}),
    Way(Reason.UNKNOWN_EVENT, {"e": '"tradeLite"'}),
    Way(Reason.MISSING_FIELD, {"p": None}),
    Way(Reason.WRONG_TYPE, {"t": '"many"'}),
    Way(Reason.INVALID_TIME, {"T": "-1"}),
    Way(Reason.INVALID_NUMBER, {"p": '"NaN"'}),
    Way(Reason.INVALID_SYMBOL, {"s": '"../x"'}),
)
WAYS = (
    *_ONE_OF_EACH,
    Way(Reason.NOT_JSON, {"q": ""}),
    Way(Reason.MISSING_FIELD, {"t": None}),
    Way(Reason.WRONG_TYPE, {"t": str(2**70)}),
    Way(Reason.WRONG_TYPE, {"p": "16569.01"}),
    Way(Reason.WRONG_TYPE, {"m": "1"}),
    *(Way(Reason.INVALID_NUMBER, {"p": f'"{number}"'}) for number in _NUMBERS),
    *(Way(Reason.INVALID_SYMBOL, {"s": f'"{symbol}"'}) for symbol in _SYMBOLS),
)


def broken_trade(way: Way, i: Instrument, now: int) -> Draft:
    """A futures trade, broken in one way; it uses up no trade id."""
    fields: dict[str, str | None] = {
        "e": '"trade"',
        "E": str(now),
        "T": str(now),
        "s": f'"{i.symbol}"',
        "t": str(i.trade_id),
        "p": '"1.5"',
        "q": '"2"',
        "m": "true",
        **way.changes,
    }
    payload = ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None)
    return Draft(
        kind="futures_trade",
        symbol=i.symbol,
        stream=f"{i.lower}@trade",
        payload=f"{{{payload}}}",
        time_ms=now,
        rejected=(way.reason,),
    )


def truncated(i: Instrument, now: int) -> Draft:
    """The first bytes of a message whose rest was lost."""
    draft = broken_trade(WAYS[0], i, now)
    return msgspec.structs.replace(draft, payload=f'{{"stream":"{draft.stream}","data":{{"e":"tra', bare=True)


def list_with_a_broken_element(instruments: list[Instrument], now: int, random: Random) -> Draft:
    """A list of which one element lacks a field; its neighbours are good."""
    drafts = listed("mark_price_list", instruments, now, random)
    bad = int(random() * len(drafts))
    payload = drafts[bad].payload.replace('"p":', '"was":', 1)
    drafts[bad] = msgspec.structs.replace(drafts[bad], payload=payload, facts=(), rejected=(Reason.MISSING_FIELD,))
    return joined("mark_price_list", drafts)


def nth_broken(n: int, instruments: list[Instrument], now: int, random: Random) -> Draft:
    """The ways in turn, so that a few broken messages already show many of them."""
    choice = n % (len(WAYS) + 2)
    instrument = instruments[int(random() * len(instruments))]
    if choice == 0:
        return truncated(instrument, now)
    if choice == 1:
        return list_with_a_broken_element(instruments, now, random)
    return broken_trade(WAYS[choice - 2], instrument, now)
