"""The Dockerfile: its steps install the service, which then runs as nobody in particular in a read-only root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.dockerfile import Stage, build, steps

pytestmark = pytest.mark.timeout(300)  # whoever comes first builds it

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
WRITABLE = ("/tmp", "/var/lib/tapestore")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("building an image without a container engine needs root and unshare")
    folder = tmp_path_factory.mktemp("image")
    folder.parent.chmod(0o711)  # the image's user passes through
    yield build(DOCKERFILE, ROOT, folder)
    shutil.rmtree(folder)


@pytest.mark.tools
def test_image_explains_itself(image: Stage) -> None:
    done = image.start("--help", writable=WRITABLE)

    assert done.returncode == 0, done.stderr
    assert "tapestore" in done.stdout


@pytest.mark.tools
def test_image_runs_the_demo_with_two_writable_folders(image: Stage) -> None:
    done = image.start("demo", writable=WRITABLE)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.tools
def test_image_by_itself_is_read_only_and_unprivileged(image: Stage) -> None:
    script = "id -u; touch /opt/tapestore/x; touch /var/lib/tapestore/y && echo kept; grep CapBnd /proc/self/status"

    done = image.execute("sh", "-c", script, writable=WRITABLE)

    assert done.stdout.split() == ["10001", "kept", "CapBnd:", "0" * 16]
    assert "Read-only file system" in done.stderr


@pytest.mark.tools
def test_image_has_only_the_service(image: Stage) -> None:
    program = (
        "import importlib.util as u; print([n for n in ('pip', 'setuptools', 'pytest', 'tests') if u.find_spec(n)])"
    )

    done = image.execute("python", "-c", program, writable=WRITABLE)

    assert done.stdout == "[]\n", done.stderr


@pytest.mark.tools
def test_image_packs_by_the_compiled_extension(image: Stage) -> None:
    program = "from storage import compiled; print(len(compiled.rows()))"

    done = image.execute("python", "-c", program, writable=WRITABLE)

    assert done.stdout == "6\n", done.stderr


def test_image_starts_the_service_as_a_user_that_kubernetes_can_see_is_not_root() -> None:
    last = {step.word: step.rest for step in steps(DOCKERFILE.read_text(encoding="utf-8"))}

    user, _, group = last["USER"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert (last["ENTRYPOINT"], last["CMD"]) == ('["tapestore"]', '["run"]')


def test_context_has_exactly_what_the_steps_copy() -> None:
    copied = {
        source
        for step in steps(DOCKERFILE.read_text(encoding="utf-8"))
        if step.word == "COPY" and not step.rest.startswith("--from=")
        for source in step.rest.split()[:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert ignore[0] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
