"""The versions, oldest first. Each step may be taken again: a process that was killed has got half-way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pymongo.errors import OperationFailure

from storage.adapters.mongodb.collections import Plan
from storage.adapters.mongodb.connection import Database, opened
from storage.adapters.mongodb.indexes import BY_SYMBOL, BY_TIME, Index, ensure
from storage.adapters.mongodb.validators import change_of
from storage.adapters.requests import is_market
from storage.tables import table_of_collection

_GONE_ALREADY = frozenset({26, 27})
_OF_LETTERS = {"dead_letters": Index((("first_seen", 1),)), "conflicts": Index((("seen_at", 1),))}

Renew = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a step works: `renew` is called before each collection, so that the lock holds."""

    database: Database
    plan: Plan
    renew: Renew


@dataclass(frozen=True, slots=True)
class Step:
    """One version: what it brings, and how it is taken back. Documents stay in both directions."""

    version: str
    about: str
    up: Callable[[Site], Awaitable[None]]
    down: Callable[[Site], Awaitable[None]]


async def _index(site: Site) -> None:
    for name, options in (await _collections(site)).items():
        await site.renew()
        if is_market(name):
            await ensure(site.database, name, site.plan.indexes(name, clustered="clusteredIndex" in options))
        elif name in _OF_LETTERS:
            await ensure(site.database, name, [_OF_LETTERS[name]])


async def _unindex(site: Site) -> None:
    for name in await _collections(site):
        await site.renew()
        ours = (
            [Index(BY_TIME), Index(BY_SYMBOL)]
            if is_market(name)
            else [_OF_LETTERS[name]]
            if name in _OF_LETTERS
            else []
        )
        for index in ours:
            await _drop_index(site, name, index.name)


async def _validate(site: Site) -> None:
    await _set_validators(site, site.plan)


async def _stop_validating(site: Site) -> None:
    await _set_validators(site, Plan(validation="off"))


async def _set_validators(site: Site, plan: Plan) -> None:
    for name, options in (await _collections(site)).items():
        if is_market(name) and (change := change_of(table_of_collection(name), plan.validation, options)):
            await site.renew()
            await site.database.command({"collMod": name, **change})


async def _collections(site: Site) -> dict[str, dict[str, object]]:
    found = [each async for each in await opened(site.database.list_collections())]
    return {each["name"]: each.get("options", {}) for each in found}


async def _drop_index(site: Site, collection: str, name: str) -> None:
    try:
        await site.database[collection].drop_index(name)
    except OperationFailure as error:
        if error.code not in _GONE_ALREADY:
            raise


STEPS = (
    Step("0001", "indexes", _index, _unindex),
    Step("0002", "validators", _validate, _stop_validating),
)
