"""`tapestore dlq`: look at dead letters, send them through the pipeline again, remove them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli.exits import Exit, UsageError
from consumer.cli.letters import Filter, contents, filter_of, opened, summary
from consumer.cli.output import confirmed, note, plain, print_json, printable, say
from consumer.cli.start import settings
from consumer.cli.tables import print_table
from consumer.stores import store_of
from storage import DeadLetter

if TYPE_CHECKING:
    from consumer.service import Service
    from consumer.sources.dead_letters import DeadLetterSource

PAGE = 500
"""Letters that are removed at once."""

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Look at dead letters, replay them, remove them.",
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfReason = Annotated[str | None, typer.Option("--reason", help="Only of this reason, such as 'symbol limit'.")]
OfSource = Annotated[str | None, typer.Option("--source", help="Only from this source: jetstream, nats, kafka, file.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0 is all.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids as `dlq list` prints them.")]


@app.command("list")
def list_letters(reason: OfReason = None, source: OfSource = None, limit: Limit = 50, as_json: Json = False) -> None:
    """Dead letters, oldest first, and a count for each reason.

    \b
    Examples:
      tapestore dlq list --reason 'symbol limit' --limit 0
      tapestore dlq list --json
    """
    counts, letters = asyncio.run(_list(filter_of(None, reason, source), limit))
    if as_json:
        print_json({"counts": counts, "letters": letters})
    elif not counts:
        note("There are no dead letters.")
    else:
        _print_list(counts, letters, limit)


@app.command()
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `dlq list` prints it.")], as_json: Json = False
) -> None:
    """One dead letter whole: bytes, headers, reason and error.

    With --json the bytes are in `data` when they are UTF-8 text, else in `base64`.
    """
    letter = asyncio.run(_first(identity))
    if as_json:
        print_json(summary(letter) | contents(letter))
        return
    headers = [("header", f"{name}: {value}") for name, value in letter.headers.items()]
    data = letter.data.decode(errors="backslashreplace")
    for name, value in (*summary(letter).items(), *headers, ("data", data)):
        if value is not None:
            say(f"{name:>13}  {printable(str(plain(value)))}")


@app.command()
def replay(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="Messages a second at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    as_json: Json = False,
) -> None:
    """Send dead letters through the pipeline again.

    Do it once their cause is mended. A letter whose message is stored now is removed, after that. One that dies
    again stays, with one attempt more. Replaying twice changes nothing; killed in the middle, nothing is lost.
    Without a filter all are sent.

    \b
    Examples:
      MAX_COLLECTIONS=20000 tapestore dlq replay --reason 'symbol limit'
      tapestore dlq replay --dry-run
    """
    chosen = filter_of(ids, reason, source)
    if dry_run:
        _print_count(asyncio.run(_count(chosen)), "would be replayed", as_json=as_json)
    else:
        raise typer.Exit(asyncio.run(_replay(chosen, rate, as_json=as_json)))


@app.command()
def purge(
    ids: Ids = None,
    reason: OfReason = None,
    source: OfSource = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove dead letters for good: some, or --all.

    \b
    Examples:
      tapestore dlq purge --reason 'not json' --source kafka
      tapestore dlq purge --all --yes
    """
    chosen = filter_of(ids, reason, source)
    if bool(chosen) == everything:
        raise UsageError("say which: ids, --reason, --source, or else --all")
    _print_count(asyncio.run(_purge(chosen, ask=not yes)), "removed", as_json=as_json)


async def _list(chosen: Filter, limit: int) -> tuple[dict[str, int], list[dict[str, Any]]]:
    async with opened() as store:
        counts = await store.dead_letters.count()
        letters = [summary(letter) async for letter in chosen.find(store, limit)]
        return {str(reason): counts[reason] for reason in sorted(counts)}, letters


async def _first(identity: str) -> DeadLetter:
    async with opened() as store:
        letters = [letter async for letter in Filter([identity]).find(store, limit=1)]
    if not letters:
        raise UsageError(f"there is no dead letter {identity!r}; `tapestore dlq list` names them")
    return letters[0]


async def _count(chosen: Filter) -> int:
    async with opened() as store:
        return sum([1 async for _ in chosen.find(store)])


async def _purge(chosen: Filter, *, ask: bool) -> int:
    async with opened() as store:
        ids = [letter.id async for letter in chosen.find(store)]
        if ask and ids and not confirmed(f"Remove {len(ids):,} dead letters for good?"):
            note("Nothing is removed; --yes does not ask.")
            raise typer.Exit(Exit.CHECK_FAILED)
        pages = [ids[first : first + PAGE] for first in range(0, len(ids), PAGE)]
        return sum([await store.dead_letters.delete(page) for page in pages])


async def _replay(chosen: Filter, rate: float | None, *, as_json: bool) -> Exit:
    from consumer.cli import consume  # the whole service, which the other verbs do without
    from consumer.sources.dead_letters import DeadLetterSource

    loaded = settings()
    store = store_of(loaded, read_only=True)
    letters = DeadLetterSource(store, ids=chosen.ids, reason=chosen.reason, source=chosen.source, rate=rate)
    async with letters:
        messages = (await letters.status()).lag
        if not messages and not as_json:
            note("No dead letter is meant by that.")
            return Exit.OK
        result = partial(_print_replayed, letters, as_json=as_json)
        return await consume.replay(loaded, letters, total=messages, result=result)


def _print_list(counts: dict[str, int], letters: list[dict[str, Any]], limit: int) -> None:
    total = sum(counts.values())
    print_table(["reason", "letters"], [*counts.items(), ("all", total)], total=True)
    say("")
    columns = ["id", "attempts", "last_seen", "error"]
    print_table(columns, [[letter[name] for name in columns] for letter in letters], loose="error")
    more = "--limit shows more, " if len(letters) == limit else ""
    note(f"{len(letters):,} of {total:,} letters; {more}`tapestore dlq show ID` shows one whole.")


def _print_count(count: int, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({done.replace(" ", "_"): count})
    else:
        say(f"{count:,} dead letters {done}.")


def _print_replayed(letters: DeadLetterSource, service: Service, *, as_json: bool) -> None:
    from consumer.cli import consume

    if as_json:
        counts = {"removed": letters.removed, "kept": letters.kept}
        print_json({"run_id": service.run_id, **counts, "datasets": consume.summary(service)})
    else:
        consume.print_summary(service, as_json=False)
        say(f"\n{letters.removed:,} dead letters are stored now and removed, {letters.kept:,} died again and stay.")
