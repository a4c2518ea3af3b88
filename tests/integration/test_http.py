"""The HTTP server inside our loop: its port, its signals, its end."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.api.listener import listen
from consumer.api.server import serve
from consumer.errors import AddressRefused

HOST = "127.0.0.1"


@pytest.fixture
def app() -> Starlette:
    async def hello(_: Request) -> Response:
        return JSONResponse("hello")

    async def slow(_: Request) -> Response:
        await asyncio.sleep(60)
        return JSONResponse("too late")

    return Starlette(routes=[Route("/hello", hello), Route("/slow", slow)])


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=10) as client:
        yield client


async def test_port_0_is_a_free_port(app: Starlette, client: httpx.AsyncClient) -> None:
    async with serve(app, listen(HOST, 0)) as port:
        assert (await client.get(f"http://{HOST}:{port}/hello")).json() == "hello"


async def test_two_servers_live_side_by_side(app: Starlette) -> None:
    async with serve(app, listen(HOST, 0)) as one, serve(app, listen(HOST, 0)) as other:
        assert one != other


@pytest.mark.parametrize("host", [HOST, "203.0.113.1", "no-such-host.invalid"])
def test_an_address_that_cannot_be_had_is_refused_with_a_fix(host: str, taken: int) -> None:
    with pytest.raises(AddressRefused, match=f"{host}:{taken}") as refused:
        listen(host, taken)
    assert "HTTP_PORT" in refused.value.fix


async def test_a_port_is_free_again_after_the_end(app: Starlette, client: httpx.AsyncClient) -> None:
    async with serve(app, listen(HOST, 0)) as port:
        await client.get(f"http://{HOST}:{port}/hello")
    async with serve(app, listen(HOST, port)):
        assert (await client.get(f"http://{HOST}:{port}/hello")).status_code == 200


async def test_the_end_does_not_wait_for_clients(app: Starlette, client: httpx.AsyncClient) -> None:
    async with serve(app, listen(HOST, 0)) as port:
        _, idle = await asyncio.open_connection(HOST, port)
        waiting = asyncio.create_task(client.get(f"http://{HOST}:{port}/slow"))
        await client.get(f"http://{HOST}:{port}/hello")
        started = time.monotonic()
    assert time.monotonic() - started < 2.5
    idle.close()
    await asyncio.wait([waiting])


async def test_signals_are_left_to_the_service(app: Starlette) -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, heard.set)
    try:
        async with serve(app, listen(HOST, 0)):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(heard.wait(), 10)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_an_error_inside_reaches_the_caller(app: Starlette) -> None:
    with pytest.raises(KeyError):
        async with serve(app, listen(HOST, 0)):
            raise KeyError("ours")
