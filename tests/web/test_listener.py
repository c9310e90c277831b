"""A connection over HTTP that does not send a request in time is closed, whatever else it sends."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import TypeVar

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from collateral_registry.web import listener as listener_module
from collateral_registry.web.listener import HttpListener
from tests.support.server import free_port

T = TypeVar("T")

IDLE = 1.0
SLOW = 2 * IDLE
TEXT = b"answered"
GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n"
WHOLE = GET + b"\r\n"


async def _answer(_: Request) -> PlainTextResponse:
    return PlainTextResponse(TEXT)


async def _answer_slowly(_: Request) -> PlainTextResponse:
    await asyncio.sleep(SLOW)
    return PlainTextResponse(TEXT)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "IDLE_SECONDS", IDLE)


def with_connection(work: Callable[[socket.socket], T]) -> T:
    """Returns what a function returns, in a thread, that is given a connection to a listener."""

    async def run() -> T:
        app = Starlette(routes=[Route("/", _answer), Route("/slow", _answer_slowly)])
        listener = HttpListener(app, 1.0, "http_address")
        port = await listener.start(f"127.0.0.1:{free_port()}")
        try:
            return await asyncio.to_thread(_connected, port, work)
        finally:
            await listener.drain()

    return asyncio.run(run())


def _connected(port: int, work: Callable[[socket.socket], T]) -> T:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        return work(connection)


def _receive_answer(connection: socket.socket) -> None:
    received = b""
    while not received.endswith(TEXT):
        part = connection.recv(1024)
        assert part, received
        received += part


def _is_closed_although_it_sends(connection: socket.socket, parts: Iterator[bytes]) -> bool:
    """Sends parts for several times the limit; returns whether the listener has closed the connection meanwhile."""
    connection.settimeout(IDLE / 6)
    end = time.monotonic() + 6 * IDLE
    while time.monotonic() < end:
        try:
            connection.sendall(next(parts))
            if not connection.recv(1024):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.parametrize("first", [b"", WHOLE], ids=["at first", "after an answer"])
@pytest.mark.parametrize("part", [b"", b"x"], ids=["at once", "in drops"])
def test_half_a_head_closes_the_connection(first, part):
    def work(connection: socket.socket) -> bool:
        if first:
            connection.sendall(first)
            _receive_answer(connection)
        connection.sendall(GET)
        return _is_closed_although_it_sends(connection, cycle([part]))

    assert with_connection(work)


@pytest.mark.parametrize("first", [b"", WHOLE], ids=["at first", "after an answer"])
def test_silence_closes_the_connection(first):
    def work(connection: socket.socket) -> bool:
        connection.sendall(first)
        return _is_closed_although_it_sends(connection, cycle([b""]))

    assert with_connection(work)


def test_a_body_that_nobody_reads_closes_the_connection_after_the_answer():
    def work(connection: socket.socket) -> bool:
        connection.sendall(GET + b"content-length: 1000000\r\n\r\n")
        _receive_answer(connection)
        return _is_closed_although_it_sends(connection, cycle([b"x"]))

    assert with_connection(work)


def test_a_request_that_is_answered_later_and_one_after_it_are_answered():
    def work(connection: socket.socket) -> None:
        connection.sendall(WHOLE.replace(b"/", b"/slow", 1))
        _receive_answer(connection)
        time.sleep(0.6 * IDLE)
        connection.sendall(GET)
        time.sleep(0.6 * IDLE)  # the time of a head begins with it, not with the answer before
        connection.sendall(b"\r\n")
        _receive_answer(connection)

    with_connection(work)
