"""What is wrong with TLS to a server, where the driver only says that the connection was closed."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from storage.errors import OperatorError

PATIENCE_SECONDS = 1.0
TLS_FIX = (
    "check MONGODB_TLS, MONGODB_TLS_CA_FILE and MONGODB_TLS_CERT_FILE, or the TLS options of MONGODB_URI, and that the "
    "server has TLS and a certificate for the host name that is used"
)
CERTIFICATE_FIX = "name a client certificate with its key in MONGODB_TLS_CERT_FILE that the server's authority signed"


async def refusal(host: str, port: int, context: ssl.SSLContext) -> OperatorError | None:
    """Why there is no TLS to this server, by a handshake of our own; None when that is not the matter.

    A mongod that refuses a client's certificate hangs up right after the handshake and says why only to its
    log; one that serves us waits for us to speak.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
            try:
                hangs_up = await reader.read(1) == b""
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except ssl.SSLError as error:
        return OperatorError(f"no TLS to {host}:{port}: {error.reason or error}", fix=TLS_FIX)
    except (OSError, TimeoutError):
        return None
    return OperatorError(f"{host}:{port} hangs up after the TLS handshake", fix=CERTIFICATE_FIX) if hangs_up else None
