"""Where installed servers and tools are, and how they are brought there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
SERVERS = CACHE / "servers"
TOOLS = CACHE / "tools"

# Debian puts servers here, and not on every user's PATH
SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


class InstallError(Exception):
    """Something could not be installed; the message is one line."""


def find(program: str, *folders: Path) -> Path | None:
    """The program in one of these folders, or in this machine's."""
    places = os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath), *SYSTEM])
    found = shutil.which(program, path=places)
    return Path(found) if found else None


def call(program: str, *arguments: str | Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; raises InstallError with its last line."""
    found = Path(sys.executable) if program == "python" else find(program)
    if found is None:
        raise InstallError(f"{program} is not installed")
    done = subprocess.run(
        [found, *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise InstallError(f"{program} {arguments[0]} failed: {last}")
    return done.stdout


def apt_install(*packages: str) -> None:
    """Install Debian packages, and start none of their services; needs root."""
    if os.geteuid() != 0:
        raise InstallError(f"needs root: apt-get install {' '.join(packages)}")
    _apt_update()
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    call("apt-get", "install", "--yes", "--no-install-recommends", *packages, **quiet)


@cache
def _apt_update() -> None:
    call("apt-get", "update")
