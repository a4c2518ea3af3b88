"""How long work shows that it goes on: a bar on stderr where somebody looks, nothing elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from consumer.cli.output import ERR, printable

ASK_SECONDS = 0.1


@asynccontextmanager
async def shown(title: str, done: Callable[[], int], total: int | None = None) -> AsyncIterator[None]:
    """A progress bar while the context lasts; `done` says how much is done, without waiting."""
    with _bar(total) as bar:
        task = bar.add_task(printable(title), total=total)
        following = asyncio.create_task(_follow(bar, task, done))
        try:
            yield
        finally:
            following.cancel()


async def _follow(bar: Progress, task: TaskID, done: Callable[[], int]) -> None:
    while not bar.disable:
        bar.update(task, completed=done())
        await asyncio.sleep(ASK_SECONDS)


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        of = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{of}", style="bold")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="dim")


def _bar(total: int | None) -> Progress:
    bar = () if total is None else (BarColumn(),)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *bar,
        _Count(),
        _Rate(),
        TimeElapsedColumn(),
        console=ERR,
        disable=not ERR.is_terminal,
        transient=True,
    )
