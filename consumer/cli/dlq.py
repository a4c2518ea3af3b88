"""`tapestore dlq`: look at dead letters, send them through the pipeline again, remove them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import typer

from consumer.cli.exits import Exit, UsageError
from consumer.cli.output import OUT, plain, print_json, print_table
from consumer.cli.run import consume
from consumer.cli.start import settings
from consumer.sources.dead_letters import DeadLetterSource
from consumer.stores import store_of
from storage import DeadLetter, Reason
from storage.adapters.base import BaseAdapter

app = typer.Typer(help="Look at dead letters, replay them, remove them.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfReason = Annotated[str | None, typer.Option("--reason", help="Only this reason, e.g. 'symbol limit'.")]
OfSource = Annotated[str | None, typer.Option("--source", help="Only from this source: jetstream, nats, kafka, file.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 is all.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Ids as `dlq list` prints them.")]


@app.command("list")
def list_letters(reason: OfReason = None, source: OfSource = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Dead letters, the oldest first, and how many there are for each reason."""
    letters, counts = asyncio.run(_list(_reason(reason), source, limit))
    if as_json:
        print_json({"counts": counts, "letters": [_summary(letter) for letter in letters]})
        return
    print_table("", ["reason", "letters"], [[str(name), count] for name, count in counts.items()])
    columns = ["id", "reason", "attempts", "last_seen", "error"]
    print_table("", columns, [[_summary(letter)[name] for name in columns] for letter in letters])


@app.command()
def show(identity: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """One dead letter whole: its bytes, headers, position, reason and error."""
    letters = asyncio.run(_find(ids=[identity]))
    if not letters:
        raise UsageError(f"there is no dead letter {identity!r}; `tapestore dlq list` names them")
    whole = _summary(letters[0]) | {"headers": letters[0].headers, "data": letters[0].data}
    if as_json:
        print_json(whole)
        return
    for name, value in whole.items():
        OUT.print(f"{name:>13}: {plain(value)}", markup=False, highlight=False)


@app.command()
def replay(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="Messages a second at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters through the pipeline again; one that is stored now is removed, the others stay.

    Replaying twice changes nothing. Without a filter all of them are sent.
    """
    loaded, chosen = settings(), _reason(reason)
    if dry_run:
        found = asyncio.run(_find(ids=ids or (), reason=chosen, source=source))
        OUT.print(f"{len(found)} dead letters would be replayed.", highlight=False)
        return
    letters = DeadLetterSource(store_of(loaded, read_only=True), ids=ids or (), reason=chosen, source=source, rate=rate)
    code = asyncio.run(consume(loaded, letters, "replay", serve=False, show=True, as_json=as_json))
    raise typer.Exit(code)


@app.command()
def purge(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove dead letters for good: by id, by reason, by source, or --all."""
    if not (ids or reason or source or everything):
        raise UsageError("say which: ids, --reason, --source, or --all")
    removed = asyncio.run(_purge(ids or (), _reason(reason), source, ask=not yes))
    OUT.print(f"{removed} dead letters removed.", highlight=False)


def _reason(text: str | None) -> Reason | None:
    try:
        return None if text is None else Reason(text)
    except ValueError:
        raise UsageError(f"no reason is called {text!r}; known are {', '.join(Reason)}") from None


def _store(*, read_only: bool) -> AbstractAsyncContextManager[BaseAdapter]:
    return store_of(settings(), read_only=read_only)


async def _list(reason: Reason | None, source: str | None, limit: int) -> tuple[list[DeadLetter], dict[str, int]]:
    async with _store(read_only=True) as store:
        letters = [each async for each in store.dead_letters.find(reason=reason, source=source, limit=limit)]
        return letters, {str(name): count for name, count in (await store.dead_letters.count()).items()}


async def _find(ids: Sequence[str] = (), reason: Reason | None = None, source: str | None = None) -> list[DeadLetter]:
    async with _store(read_only=True) as store:
        return [letter async for letter in store.dead_letters.find(ids=ids, reason=reason, source=source)]


async def _purge(ids: Sequence[str], reason: Reason | None, source: str | None, *, ask: bool) -> int:
    async with _store(read_only=True) as store:
        found = [each.id async for each in store.dead_letters.find(ids=ids, reason=reason, source=source)]
        if ask and found and not typer.confirm(f"Remove {len(found)} dead letters for good?", err=True):
            raise typer.Exit(Exit.CHECK_FAILED)
        return await store.dead_letters.delete(found)


def _summary(letter: DeadLetter) -> dict[str, Any]:
    left_out = ("data", "headers")
    return {"id": letter.id} | {
        name: getattr(letter, name) for name in letter.__struct_fields__ if name not in left_out
    }
