"""`tapestore verify`: the proof, from the lineage rows, that nothing is missing in the numbers."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli.exits import Exit, UsageError
from consumer.cli.output import note, print_json, say
from consumer.cli.start import settings
from consumer.cli.tables import print_table
from storage import OperatorError
from storage.auditing import ledger
from storage.metadata import MetadataDatabase
from storage.metadata.rows import OUTCOMES, Counts, LineageTotals
from storage.repositories.lineage import LineageRepository


def verify(
    run_id: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Look at one run only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove from the lineage that no record is missing in the numbers.

    received = stored + duplicate + stale + conflict + dead-lettered + ignored + returned, for every run that has
    ended and each of its datasets. Exit 1 and the difference when it does not add up.

    A run that was killed has an open interval: it is shown and is no failure, for the bus gives its messages again.

    \b
    Examples:
      tapestore verify
      tapestore verify --json | jq .findings
    """
    totals = asyncio.run(_totals(run_id))
    if run_id is not None and not totals:
        raise UsageError(f"there is no run {run_id!r} in the lineage")
    findings = ledger.verify(totals)
    failed = any(finding.failure for finding in findings)
    if as_json:
        print_json({"ok": not failed, "totals": _rows(totals), "findings": [_finding(each) for each in findings]})
    else:
        _show(totals, findings, failed=failed)
    raise typer.Exit(Exit.CHECK_FAILED if failed else Exit.OK)


async def _totals(run_id: str | None) -> list[LineageTotals]:
    database = MetadataDatabase(settings().metadata_url.get_secret_value())
    _check_file(database)
    async with database:
        return await LineageRepository(database).totals(run_id)


def _check_file(database: MetadataDatabase) -> None:
    """Who looks at numbers makes no new database to find none in."""
    file = database.url.database
    if database.dialect == "sqlite" and file and not Path(file).exists():
        raise OperatorError(f"there is no metadata database {file}", fix="set LOCAL_PATH or METADATA_URL to one")


def _of_datasets(totals: Sequence[LineageTotals]) -> list[LineageTotals]:
    return [total for total in totals if total.transformation != "run"]


def _rows(totals: Sequence[LineageTotals]) -> list[dict[str, object]]:
    names = ("run_id", "dataset_id", "transformation", "received", *OUTCOMES)
    return [{name: getattr(total, name) for name in names} for total in _of_datasets(totals)]


def _finding(finding: ledger.Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__} | {"failure": finding.failure}


def _show(totals: Sequence[LineageTotals], findings: Sequence[ledger.Finding], *, failed: bool) -> None:
    if not totals:
        note("The lineage is empty: nothing was consumed yet.")
        return
    _print_sums(_of_datasets(totals))
    say("")
    for finding in findings:
        words, style = ("FAILED", "red") if finding.failure else ("open", "yellow")
        say(f"{words}: run {finding.run_id}, {finding.dataset_id}: {finding.text}", style)
    runs = len({total.run_id for total in totals})
    verdict = "The numbers do not add up." if failed else f"All numbers of {_count(runs, 'run')} add up."
    say(verdict, "bold red" if failed else "bold green")


def _print_sums(totals: Sequence[LineageTotals]) -> None:
    """One line a dataset, over all runs."""
    datasets: defaultdict[str, list[Counts]] = defaultdict(list)
    for total in totals:
        datasets[total.dataset_id].append(total)
    sums = {name: ledger.add(counts) for name, counts in sorted(datasets.items())} | {"all": ledger.add(totals)}
    columns = ["received", *(name for name in OUTCOMES if getattr(sums["all"], name))]
    rows = [[name, *(getattr(counts, column) for column in columns)] for name, counts in sums.items()]
    print_table(["dataset", *(column.replace("_", " ") for column in columns)], rows, total=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
