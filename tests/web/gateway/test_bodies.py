"""Slow and large bodies are bounded and keep out no calls; only calls that run count as calls at once."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

import grpc
import pytest

from collateral_registry.web.gateway import app as app_module, bodies
from collateral_registry.web.gateway.app import gateway_app
from collateral_registry.web.listener import HttpListener
from tests.support.http import Answer, post
from tests.support.postgres import wait_until
from tests.support.server import free_port

T = TypeVar("T")

SERVICE, METHOD = "BusinessDateService", "GetBusinessDate"
DATE = f"{SERVICE}/{METHOD}"
BODY_BYTES = 200_000
LARGE = b"{" + b" " * 100_000
HEAD = (
    f"POST /v1/{DATE} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 150000\r\n\r\n"
)


def with_gateway(folder: Path, release: Event, work: Callable[[str], T]) -> T:
    """Returns what a function returns, in a thread, that is given the address of a gateway.

    The method is answered with an empty message once ``release`` is set.
    """

    async def answer(_request: object, _context: object) -> bytes:
        while not release.is_set():
            await asyncio.sleep(0.01)
        return b""

    async def run() -> T:
        server = grpc.aio.server()
        handlers = {METHOD: grpc.unary_unary_rpc_method_handler(answer)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(f"collateral_registry.v1.{SERVICE}", handlers),)
        )
        server.add_insecure_port(f"unix:{folder}/grpc")
        await server.start()
        async with grpc.aio.insecure_channel(f"unix:{folder}/grpc") as channel:
            listener = HttpListener(gateway_app(channel, BODY_BYTES), 1.0, "http_address")
            address = f"127.0.0.1:{free_port()}"
            await listener.start(address)
            try:
                return await asyncio.to_thread(work, address)
            finally:
                await listener.drain()
                await server.stop(None)

    return asyncio.run(run())


def begun(address: str) -> socket.socket:
    """Returns a connection that has sent a large part of a body."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(HEAD.encode() + LARGE)
    return connection


@pytest.fixture
def released() -> Event:
    event = Event()
    event.set()
    return event


def test_running_calls_beyond_the_limit_are_refused_until_others_end(tmp_path, monkeypatch):
    monkeypatch.setattr(app_module, "CALLS_LIMIT", 4)
    release, found = Event(), list[Answer]()

    def work(address: str) -> tuple[Answer, Answer]:
        call = partial(post, address, DATE, {})
        threads = [Thread(target=lambda: found.append(call())) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_until(lambda: bool(found))  # one of five has no place
        refused = call()
        release.set()
        for thread in threads:
            thread.join()
        return refused, call()

    refused, answered = with_gateway(tmp_path, release, work)
    assert (refused.status, refused.reason, refused.headers["retry-after"]) == (503, "TOO_MANY_CALLS", "1")
    assert sorted(answer.status for answer in found) == [200] * 4 + [503]
    assert answered.status == 200


def test_large_bodies_at_once_are_bounded_and_small_ones_are_received_meanwhile(tmp_path, monkeypatch, released):
    monkeypatch.setattr(bodies, "LARGE_BODIES_BYTES", 4 * len(LARGE) - 1)

    def work(address: str) -> tuple[bytes, Answer, Answer]:
        with ExitStack() as held:
            connections = [held.enter_context(begun(address)) for _ in range(3)]
            with begun(address) as beyond:
                refused = beyond.recv(1024)
            small = post(address, DATE, {})
            connections[0].close()
            wait_until(lambda: post(address, DATE, LARGE + b"}").status == 200)
            return refused, small, post(address, DATE, LARGE + b"}")

    refused, small, large = with_gateway(tmp_path, released, work)
    assert refused.startswith(b"HTTP/1.1 503")
    assert (small.status, large.status) == (200, 200)


def test_a_body_that_does_not_arrive_in_time_is_refused(tmp_path, monkeypatch, released):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)

    def work(address: str) -> bytes:
        with begun(address) as connection:
            return connection.recv(1024)

    assert with_gateway(tmp_path, released, work).startswith(b"HTTP/1.1 408")
