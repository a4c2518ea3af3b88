from collections.abc import Sequence
from typing import Any

def order_book(
    key: str,
    symbol: str,
    timestamp: int,
    kind: str,
    first: int | None,
    last: int,
    previous: int | None,
    bids: Sequence[tuple[str, str]],
    asks: Sequence[tuple[str, str]],
    /,
) -> bytes: ...

class Packer:
    def __init__(self, key: tuple[str | int, ...], types: str, names: tuple[bytes, ...], /) -> None: ...
    def __call__(self, *columns: Any) -> tuple[str, str, bytes]: ...
