"""The HTTP server of one server process. It passes calls to the gRPC server of the same process by a local socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import uvicorn

from collateral_registry.web.gateway.app import gateway_app

CONNECTIONS_LIMIT = 256
"""Open connections in one process. Further ones are answered 503 at once."""

HEADERS_LIMIT_BYTES = 16 * 1024
IDLE_SECONDS = 30
"""Time after which a connection without a request is closed."""

ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
"""Largest message of an answer, before it is written as JSON."""

BACKLOG = 128


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class HttpServer:
    """HTTP server of one process. ``local_address`` is where the gRPC server must listen for it."""

    def __init__(self, body_bytes: int, drain_seconds: float, *, shares_port: bool) -> None:
        self._folder = TemporaryDirectory(prefix="collateral-")
        self.local_address = f"unix:{Path(self._folder.name, 'grpc')}"
        self._body_bytes, self._drain_seconds, self._shares_port = body_bytes, drain_seconds, shares_port

    async def start(self, address: str) -> int:
        """Listens on host:port and returns the port; raises OSError if the port is not available."""
        listening = _listening(address, shares_port=self._shares_port)
        options = [("grpc.max_receive_message_length", ANSWER_LIMIT_BYTES)]
        self._channel = grpc.aio.insecure_channel(self.local_address, options=options)
        config = uvicorn.Config(
            gateway_app(self._channel, self._body_bytes),
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_LIMIT,
            h11_max_incomplete_event_size=HEADERS_LIMIT_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=max(1, round(self._drain_seconds)),
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listening]))
        return int(listening.getsockname()[1])

    async def drain(self) -> None:
        """Accepts no more connections, lets running calls finish, and stops."""
        self._server.should_exit = True
        await self._serving
        await self._channel.close(None)
        self._folder.cleanup()


def _listening(address: str, *, shares_port: bool) -> socket.socket:
    """Returns a socket that listens on host:port; raises OSError that names the address if it cannot."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, _, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares_port:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(place)
        listening.listen(BACKLOG)
    except OSError as error:
        raise OSError(f"cannot listen at {address} for HTTP: {error.strerror}") from None
    listening.setblocking(False)  # noqa: FBT003 - the standard library's parameter
    return listening
