"""The address that HTTP is served at: taken first, so that whoever cannot have it hears so at once."""

from __future__ import annotations

import socket

from consumer.errors import AddressRefused


def listen(host: str, port: int) -> socket.socket:
    """Listen there, at a free port for port 0; raises AddressRefused when nobody can.

    Clients wait until somebody serves them.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise AddressRefused(
            f"cannot serve HTTP on {host}:{port}: {error.strerror or error}",
            fix="set HTTP_HOST and HTTP_PORT to an address of this machine that nobody uses",
        ) from error
    return listener
