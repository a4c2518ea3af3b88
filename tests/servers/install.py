"""python -m tests.servers.install [name…]: brings what the tests need to this machine, once."""

# ruff: noqa: T201  (a command that tells its progress)

from __future__ import annotations

import sys
import time

from tests.servers import SERVERS, TOOLS, Server, Tool
from tests.servers.cache import InstallError

KINDS: tuple[type[Server] | type[Tool], ...] = (*SERVERS, *TOOLS)
EVERYTHING = {kind.name: kind for kind in KINDS}


def main(names: list[str]) -> int:
    """Install the named, or all; 0 when all of them are there, 1 when some are not, 2 for an unknown name."""
    unknown = sorted(set(names) - set(EVERYTHING))
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join(EVERYTHING)}", file=sys.stderr)
        return 2
    brought = [_bring(name) for name in names or EVERYTHING]
    return 0 if all(brought) else 1


def _bring(name: str) -> bool:
    kind = EVERYTHING[name]
    if kind.installed():
        print(f"{name}: here already", flush=True)
        return True
    print(f"{name}: installing…", flush=True)
    begun = time.monotonic()
    try:
        kind.install()
    except InstallError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return False
    print(f"{name}: installed in {time.monotonic() - begun:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
