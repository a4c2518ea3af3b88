"""The few elements of SVG that the pictures are made of."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

FONT = "-apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def picture(width: float, height: float, elements: Iterable[str], style: str = "") -> str:
    """A whole file; what `style` says follows the reader's light or dark page."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="{FONT}">'
    )
    return "\n".join([head, *([f"<style>{style}</style>"] if style else []), *elements, "</svg>", ""])


def rect(x: float, y: float, width: float, height: float, *, title: str = "", **attributes: str) -> str:
    """A box, with what is shown when the mouse is on it."""
    shape = f'<rect x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    inner = f"><title>{escape(title)}</title></rect>" if title else "/>"
    return shape + _rest(attributes) + inner


def text(x: float, y: float, words: str, **attributes: str) -> str:
    """Words that begin at x, or end or have their middle there by `text-anchor`."""
    return f'<text x="{_number(x)}" y="{_number(y)}"{_rest(attributes)}>{escape(words)}</text>'


def _rest(attributes: dict[str, str]) -> str:
    """Python's names are XML's with an underscore for each hyphen, and `css` is its class."""
    named = {name.replace("_", "-").replace("css", "class"): value for name, value in attributes.items()}
    return "".join(f' {name}="{escape(value)}"' for name, value in named.items())


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
