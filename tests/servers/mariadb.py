"""MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.servers.cache import apt_install, find
from tests.servers.server import Server, greets

USERS = """\
CREATE USER IF NOT EXISTS 'tapestore'@'%' IDENTIFIED BY 'tapestore-canary';
GRANT ALL PRIVILEGES ON *.* TO 'tapestore'@'%' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS tapestore;
"""


class MariaDB(Server):
    """mariadbd with a user that may do everything, and an empty database `tapestore`."""

    name = "mariadb"
    variable = "TEST_MARIADB_URL"
    refuses_root = True

    @classmethod
    def installed(cls) -> bool:
        return find("mariadbd") is not None and find("mariadb-install-db") is not None

    @classmethod
    def install(cls) -> None:
        apt_install("mariadb-server-core", "mariadb-client-core")

    @property
    def url(self) -> str:
        return f"mysql+aiomysql://tapestore:tapestore-canary@127.0.0.1:{self.port}/tapestore"

    @property
    def _tmpdir(self) -> str:
        # not /tmp: another mariadbd that starts there removes our temporary tables
        return f"--tmpdir={self.folder}"

    def prepare(self) -> None:
        (self.folder / "users.sql").write_text(USERS)
        self.run(
            *("mariadb-install-db", "--no-defaults", f"--datadir={self.folder / 'data'}", self._tmpdir),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )

    def command(self) -> Sequence[str | Path]:
        program = find("mariadbd")
        assert program is not None
        return [
            *(
                program,
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                self._tmpdir,
                f"--init-file={self.folder / 'users.sql'}",
            ),
            *("--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.folder / 'socket'}"),
            *("--skip-name-resolve", "--skip-log-bin", "--performance-schema=off"),
            # A killed server loses nothing that the kernel has: waiting for the disk only costs time.
            *("--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M", "--innodb-flush-method=nosync"),
        ]

    def answers(self) -> bool:
        return greets(self.port)
