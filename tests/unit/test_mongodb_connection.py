"""A connection that begins anew because a server knows its user no more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pymongo.monitoring import CommandFailedEvent

from storage.adapters.mongodb.connection import Connection
from storage.adapters.mongodb.options import ClientOptions
from storage.errors import OperatorError
from storage.observer import SILENT
from tests.integration.certificates import Authority

REFUSED = CommandFailedEvent(
    timedelta(), {"code": 13, "errmsg": "not authorized"}, "insert", 1, ("127.0.0.1", 1), operation_id=None
)


async def test_who_cannot_begin_anew_tries_again_whenever_it_is_asked(tmp_path: Path) -> None:
    certificate = Authority(tmp_path, "authority").ca_file
    options = ClientOptions(tls_ca_file=certificate)
    connection = Connection("mongodb://127.0.0.1:1", "market", "pymongo", options, lambda: SILENT)
    connection.open()
    before = connection.database
    connection._listener.failed(REFUSED)

    certificate.rename(tmp_path / "being replaced")
    for _ in range(2):
        with pytest.raises(OperatorError):
            _ = connection.database
    (tmp_path / "being replaced").rename(certificate)

    assert connection.database.client is not before.client
    await connection.close()
