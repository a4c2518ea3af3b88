"""`tapestore ingest`: results from files into any store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from consumer.cli.exits import Exit, UsageError
from consumer.cli.output import note, print_json
from consumer.cli.progress import shown
from consumer.cli.results import Phase, Unreadable, read_results
from consumer.cli.start import settings
from consumer.cli.tables import print_table
from storage.ingestion import TARGETS, IngestConfig, Ingestion, IngestResult, TargetError, ingesting

NAMED_FAILURES = 20
"""Failures that people are told one by one; --json names all."""

_COUNTS = ("read", "inserted", "updated", "unchanged", "failed")


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=".json, .jsonl, .csv; .gz and .zst too.")],
    target: Annotated[
        str | None, typer.Option("--target", help=f"One of {', '.join(TARGETS)}; what STORE says by default.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", metavar="URI", help="A server; what the settings say by default.")
    ] = None,
    database: Annotated[str | None, typer.Option("--database", help="Of MongoDB.")] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", help="Where to; results, build_results or run_results by default.")
    ] = None,
    path: Annotated[Path | None, typer.Option("--path", help="Folder of the target local.")] = None,
    keys: Annotated[
        list[str] | None, typer.Option("--key", "-k", help="A unique field, given once for each; else the content.")
    ] = None,
    phase: Annotated[
        Phase | None, typer.Option("--phase", help="The files report this: one document for each image or run.")
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=100_000, help="Documents of a write.")] = 1000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every failure.")] = False,
) -> None:
    """Keep results or other documents; known ones are updated.

    What fails is named. Documents of one --key are one document; without keys the same content is. Exit 1
    when one failed.

    \b
    Examples:
      tapestore ingest perf.jsonl --target mongodb --key model --key gpu
      tapestore ingest run_summary.json --phase run --target local --path ./results
      tapestore ingest *.json --dry-run --json
    """
    given = {
        "connection": connection,
        "database": database,
        "collection": collection or (f"{phase}_results" if phase else None),
        "base_path": path,
        "unique_fields": tuple(keys or ()),
        "batch_size": batch_size,
        "dry_run": dry_run,
    }
    config = _config({name: value for name, value in given.items() if value is not None})
    where = target or settings().store.kind
    results = asyncio.run(_ingest_all(files, where, config, phase))
    if as_json:
        print_json({"target": where, "dry_run": dry_run, "files": [_plain(*each) for each in results.items()]})
    else:
        _print(results)
    if any(result.failed for result in results.values()):
        raise typer.Exit(Exit.CHECK_FAILED)


def _config(given: Mapping[str, Any]) -> IngestConfig:
    try:
        return IngestConfig.of(given)
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors(include_input=False))
        raise UsageError("; ".join(problems)) from None


async def _ingest_all(
    files: Sequence[Path], target: str, config: IngestConfig, phase: Phase | None
) -> dict[Path, IngestResult]:
    if missing := [str(file) for file in files if not file.is_file()]:
        raise UsageError(f"there is no file {', '.join(missing)}")
    return {file: await _ingest(file, target, config, phase) for file in dict.fromkeys(files)}


async def _ingest(file: Path, target: str, config: IngestConfig, phase: Phase | None) -> IngestResult:
    try:
        async with ingesting(target, config) as ingestion, shown(f"ingesting {file.name}", lambda: ingestion.read):
            await _add_all(file, ingestion, phase)
            return await ingestion.end()
    except TargetError as error:
        raise UsageError(str(error)) from error


async def _add_all(file: Path, ingestion: Ingestion, phase: Phase | None) -> None:
    for document in read_results(file, phase):
        if isinstance(document, Unreadable):
            ingestion.add_unreadable(document.reason)
        else:
            await ingestion.add(document)


def _plain(file: Path, result: IngestResult) -> dict[str, Any]:
    counts = {name: getattr(result, name) for name in _COUNTS}
    return {"file": str(file), "status": result.status, **counts, "errors": [asdict(each) for each in result.errors]}


def _print(results: Mapping[Path, IngestResult]) -> None:
    rows = [[str(file), *(getattr(result, name) for name in _COUNTS)] for file, result in results.items()]
    total = ["all", *(sum(getattr(result, name) for result in results.values()) for name in _COUNTS)]
    several = len(rows) > 1
    print_table(["file", *_COUNTS], [*rows, total] if several else rows, total=several)
    failures = [(file, failure) for file, result in results.items() for failure in result.errors]
    for file, failure in failures[:NAMED_FAILURES]:
        note(f"{file}, document {failure.index}: {failure.reason}")
    if more := len(failures[NAMED_FAILURES:]):
        note(f"And {more:,} more failed: --json names all.")
