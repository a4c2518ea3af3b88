"""A flame graph: one box a function, as wide as its share of the CPU time, what it calls above it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from zlib import crc32

from benchmarks.steps import Stacks, step
from benchmarks.svg import picture, rect, text

WIDTH, ROW, LEFT, HEAD = 1200, 17, 10, 34
LEAST = 1 / 1000  # what is narrower than a pixel or so is left out
LETTER = 6.3


class Frame:
    """A function as it was called from one place: how often it was seen there, and what it called."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.seen = 0
        self.called: dict[str, Frame] = {}

    @property
    def name(self) -> str:
        """The module's name and the function's."""
        file, _, function = self.path.rpartition(";")[2].rpartition(":")
        return f"{PurePosixPath(file).stem}.{function}" if file else function

    @property
    def depth(self) -> int:
        """How many rows of functions stand on each other here, itself counted."""
        return 1 + max((called.depth for called in self.called.values()), default=0)


def tree(stacks: Stacks, least: float = LEAST) -> Frame:
    """All stacks by what they have in common, without what has less than this share of the time."""
    root = Frame("all")
    for stack, count in stacks.items():
        frame, path = root, ""
        root.seen += count
        for function in stack.split(";"):
            path = f"{path};{function}" if path else function
            frame = frame.called.setdefault(function, Frame(path))
            frame.seen += count
    _prune(root, root.seen * least)
    return root


def _prune(frame: Frame, least: float) -> None:
    frame.called = {name: called for name, called in frame.called.items() if called.seen >= least}
    for called in frame.called.values():
        _prune(called, least)


def flame(stacks: Stacks, cpu_us: float, title: str) -> str:
    """The graph as SVG, when all of it took so many µs a message; each box says its own when the mouse is on it."""
    root = tree(stacks)
    height = HEAD + root.depth * ROW + LEFT
    each = cpu_us / root.seen
    head = text(LEFT, 22, f"{title}: {cpu_us:.1f} µs of CPU a message", font_size="15", font_weight="bold")
    ground = rect(0, 0, WIDTH, height, fill="#ffffff")
    return picture(WIDTH, height, [ground, head, *_boxes(root, LEFT, height - LEFT - ROW, each, _scale(root))])


def _scale(root: Frame) -> float:
    return (WIDTH - 2 * LEFT) / root.seen


def _boxes(frame: Frame, x: float, y: float, each_us: float, scale: float) -> Iterator[str]:
    """A function and, above it, all that it called; those of one step of the flow have one colour."""
    width = frame.seen * scale
    told = f"{frame.name}: {frame.seen * each_us:.2f} µs a message, {step(frame.path)}"
    yield rect(x, y, max(width - 0.5, 0.5), ROW - 1, title=told, fill=_colour(step(frame.path)), rx="1")
    if (letters := int((width - 6) / LETTER)) >= 3:
        name = frame.name if len(frame.name) <= letters else frame.name[: letters - 1] + "…"
        yield text(x + 3, y + 12, name, font_size="11", pointer_events="none")
    for called in sorted(frame.called.values(), key=lambda each: -each.seen):
        yield from _boxes(called, x, y - ROW, each_us, scale)
        x += called.seen * scale


def _colour(name: str) -> str:
    """The same for a step in every picture."""
    return f"hsl({crc32(name.encode()) % 360}, 62%, 74%)"
