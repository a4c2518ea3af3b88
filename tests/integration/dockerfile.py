"""Builds a Dockerfile without a container engine: its steps run as they are written, in an overlay over this machine.

What differs from an engine: the base image is this machine, with its own Python where the base image has one, and
nothing is sent to a registry. Needs root and overlayfs.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PYTHON = Path(os.path.realpath(sys.executable))
BASE_PATH = f"{PYTHON.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOUNTED_CACHE = re.compile(r"--mount=type=cache,target=(\S+)\s+")

# $1 changed files, $2 work folder of the overlay, $3 root; the mounts end with the command
ENTER = """
mount -t overlay overlay -o lowerdir=/,upperdir="$1",workdir="$2" "$3"
mount --rbind /proc "$3/proc"
mount --rbind /dev "$3/dev"
"""


class BuildError(Exception):
    """A step failed; the message has the step and the end of its output."""


@dataclass(frozen=True)
class Step:
    """One instruction: `word` in capitals, the rest as it is written."""

    word: str
    rest: str

    def listed(self) -> list[str]:
        """The rest of an ENTRYPOINT or CMD in the form of a list."""
        words: list[str] = json.loads(self.rest)
        return words


def steps(dockerfile: str) -> Iterator[Step]:
    """The instructions, with continued lines joined and comments left out."""
    lines = (line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Step(word.upper(), rest.strip())


@dataclass
class Stage:
    """The files that the steps changed, and the settings of the image so far."""

    changed: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image, taken from its working folder, is among the changed files."""
        return self.changed / os.path.normpath(f"{self.folder}/{inside}" if inside[0] != "/" else inside).lstrip("/")

    def run(self, script: str) -> None:
        """A RUN step, as root and by the shell; a cache mount is this machine's own folder."""
        caches = MOUNTED_CACHE.findall(script)
        binds = [f'mkdir -p {path} "$3{path}"; mount --bind {path} "$3{path}"' for path in map(shlex.quote, caches)]
        shell = ["/bin/sh", "-c", f"cd {shlex.quote(self.folder)} && {MOUNTED_CACHE.sub('', script)}"]
        done = self._inside(binds, ["chroot", "{root}", *shell], _installers_environment() | self.environment)
        if done.returncode != 0:
            raise BuildError(f"RUN {script}\n{(done.stdout + done.stderr)[-2000:]}")

    def start(self, *arguments: str, writable: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """What a pod would start: the image's user, no capability, a read-only root but for these folders."""
        words = [*self.entrypoint, *(arguments or self.command)]
        return self.execute(*words, writable=writable)

    def execute(self, *words: str, writable: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The same with another program than the image's own, as `kubectl exec` would."""
        uid, gid = self.user.split(":")
        binds = [
            f'mount -t tmpfs -o ro tmpfs "$3{_checkout()}"',  # first: it may be below one of the others
            *(f'mount -t tmpfs -o uid={uid},gid={gid} tmpfs "$3{path}"' for path in writable),
            'mount -o remount,ro "$3"',
        ]
        identity = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
        privileges = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        return self._inside(
            binds,
            ["chroot", "{root}", "setpriv", *identity, *privileges, "env", "-C", self.folder, *words],
            self.environment,
        )

    def _inside(
        self, mounts: Sequence[str], words: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        work, root = (self.changed.with_suffix(kind) for kind in (".work", ".root"))
        for folder in (self.changed, work, root):
            folder.mkdir(exist_ok=True)
        script = "\n".join(["set -e", ENTER, *mounts, "shift 3", 'exec "$@"'])
        command = [word.replace("{root}", str(root)) for word in words]
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", self.changed, work, root, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def build(dockerfile: Path, context: Path, folder: Path) -> Stage:
    """Run all steps and return the last stage; raises BuildError with the step that failed."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for step in steps(dockerfile.read_text(encoding="utf-8")):
        match step.word:
            case "FROM":
                name = step.rest.partition(" AS ")[2] or "final"
                stage = stages[name] = Stage(folder / name)
                _put_python_in(stage)
            case "COPY":
                _copy(step.rest, stage, stages, context)
            case "RUN":
                stage.run(step.rest)
            case "ENV":
                pairs = (pair.partition("=") for pair in shlex.split(step.rest))
                stage.environment |= {name: value.replace("$PATH", BASE_PATH) for name, _, value in pairs}
            case "WORKDIR":
                stage.folder = step.rest
                stage.path(".").mkdir(parents=True, exist_ok=True)
            case "USER":
                stage.user = step.rest
            case "ENTRYPOINT":
                stage.entrypoint = step.listed()
            case "CMD":
                stage.command = step.listed()
            case "ARG" | "LABEL" | "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise BuildError(f"{step.word} is not known here")
    return stage


def _copy(rest: str, stage: Stage, stages: Mapping[str, Stage], context: Path) -> None:
    *sources, target = rest.split()
    origin = context
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).removeprefix("--from=")].changed
    for source in sources:
        found, wanted = origin / source.lstrip("/"), stage.path(target)
        wanted = wanted / found.name if target.endswith("/") else wanted
        wanted.parent.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            shutil.copytree(found, wanted, symlinks=True, ignore=shutil.ignore_patterns(*_ignored(origin)))
        else:
            shutil.copy2(found, wanted)


def _ignored(origin: Path) -> list[str]:
    """What .dockerignore leaves out of the context's folders; copies between stages are whole."""
    file = origin / ".dockerignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.removeprefix("**/") for line in lines if line.startswith("**/")]


def _put_python_in(stage: Stage) -> None:
    """This machine's Python as `python`, where other users than its owner reach it too."""
    for closed in (parent for parent in PYTHON.parents if not parent.stat().st_mode & 0o001):
        stage.path(str(closed)).mkdir(parents=True, exist_ok=True)
        stage.path(str(closed)).chmod(0o711)
    stage.path(str(PYTHON.parent)).mkdir(parents=True, exist_ok=True)
    stage.path(str(PYTHON.with_name("python"))).symlink_to(PYTHON.name)


def _checkout() -> Path:
    """The repository, which the running image must not see."""
    return Path(__file__).parents[2]


def _installers_environment() -> dict[str, str]:
    """How this machine reaches its packages: an engine would be given the same as build arguments."""
    wanted = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")
    return {name: value for name, value in os.environ.items() if name.startswith(wanted)}
