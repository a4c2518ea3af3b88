"""The quick start of the README, each command of it, on real servers: only the addresses are put in."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.servers import Nats, Server

ROOT = Path(__file__).parents[2]


def quick_start() -> str:
    """All shell blocks of the section, in their order."""
    section = (ROOT / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def with_addresses(script: str, nats_url: str, mongodb_uri: str, mysql: str, database: str) -> str:
    url = make_url(mysql)
    told = {
        "NATS_URL=nats://127.0.0.1:4222": f"NATS_URL={nats_url}",
        "MONGODB_URI=mongodb://127.0.0.1:27017/?replicaSet=rs0": f"MONGODB_URI='{mongodb_uri}' MONGODB_DB={database}",
        "MYSQL_HOST=127.0.0.1": f"MYSQL_HOST={url.host}",
        "MYSQL_PORT=3306": f"MYSQL_PORT={url.port}",
        "MYSQL_USER=root": f"MYSQL_USER={url.username}",
        "MYSQL_PASSWORD=secret": f"MYSQL_PASSWORD={url.password or ''}",
        "MYSQL_DB=tapestore": f"MYSQL_DB={url.database}",
    }
    for theirs, ours in told.items():
        assert theirs in script, f"the README no longer says {theirs}"
        script = script.replace(theirs, ours)
    return script


@pytest.mark.timeout(180)
def test_each_command_of_the_quick_start_works(
    start_server: Callable[[type[Server]], Server],
    mongodb_uri: str,
    mariadb_database: str,
    unique_name: str,
    tmp_path: Path,
) -> None:
    nats_url = start_server(Nats).url
    script = with_addresses(quick_start(), nats_url, mongodb_uri, mariadb_database, unique_name)
    told = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**told, "HTTP_PORT": "0", "LOCAL_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The settings are valid." in done.stdout
    assert "BTCUSDT_" in done.stdout
    assert '"timeframe":"1m"' in done.stdout
    assert "not json" in done.stdout
    assert "add up." in done.stdout
