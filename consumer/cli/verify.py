"""`tapestore verify`: the proof, from the lineage rows, that nothing is missing in the numbers."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from consumer.cli.exits import Exit
from consumer.cli.output import OUT, print_json, print_table
from consumer.cli.start import settings
from storage.auditing import ledger
from storage.metadata import MetadataDatabase
from storage.metadata.rows import OUTCOMES, LineageTotals
from storage.repositories.lineage import LineageRepository


def verify(
    run_id: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Look at one run only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check received = stored + duplicate + stale + conflict + dead-lettered + ignored + returned.

    For every run that has ended, from its lineage rows. Exit 1 and the difference when it does not add up.
    A run that was killed has an open interval: it is shown and is no failure, for the bus gives it again.
    """
    totals = asyncio.run(_totals(run_id))
    findings = ledger.verify(totals)
    failed = any(finding.failure for finding in findings)
    if as_json:
        print_json({"ok": not failed, "totals": _rows(totals), "findings": [_finding(each) for each in findings]})
    else:
        _show(totals, findings, failed=failed)
    raise typer.Exit(Exit.CHECK_FAILED if failed else Exit.OK)


async def _totals(run_id: str | None) -> list[LineageTotals]:
    async with MetadataDatabase(settings().metadata_url.get_secret_value()) as database:
        return await LineageRepository(database).totals(run_id)


def _rows(totals: list[LineageTotals]) -> list[dict[str, object]]:
    names = ("run_id", "dataset_id", "received", *OUTCOMES)
    return [{name: getattr(total, name) for name in names} for total in totals if total.transformation != "run"]


def _finding(finding: ledger.Finding) -> dict[str, object]:
    return {name: getattr(finding, name) for name in finding.__struct_fields__} | {"failure": finding.failure}


def _show(totals: list[LineageTotals], findings: list[ledger.Finding], *, failed: bool) -> None:
    rows = _rows(totals)
    columns = ["dataset_id", "received", *(name for name in OUTCOMES if any(row[name] for row in rows))]
    print_table("", columns, [[row[name] for name in columns] for row in rows])
    for finding in findings:
        verdict = "FAILED" if finding.failure else "open"
        OUT.print(f"{verdict}: run {finding.run_id}, {finding.dataset_id}: {finding.text}", highlight=False)
    runs = len({total.run_id for total in totals})
    OUT.print("The numbers do not add up." if failed else f"All numbers of {runs} runs add up.", highlight=False)
