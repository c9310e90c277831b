"""An HTTP listener of one server process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.web.tls import tls_context

CONNECTIONS_LIMIT = 256
"""Open connections in one process. Further ones are answered 503 at once."""

HEADERS_LIMIT_BYTES = 16 * 1024
IDLE_SECONDS = 30
"""Time after which a connection without a request is closed, and in which the head of a request is received."""

BACKLOG = 128


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


class _Protocol(H11Protocol):
    """HTTP/1.1 with two rules that uvicorn lacks.

    A malformed request closes the connection whatever was sent on it. A connection is also closed if no request is in
    progress and what it sends makes none in time; uvicorn stops its own timer at the first byte.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the time in which the first request must begin."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._limit_waiting()

    def data_received(self, data: bytes) -> None:
        """Stops the time at a whole head, and starts it at the first part of one."""
        super().data_received(data)
        self._limit_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the time."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _limit_waiting(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def send_400_response(self, msg: str) -> None:
        """Answers a malformed request; h11 sends no text in answer to HEAD, and no answer after another one.

        The application learns that its caller is gone, so that it sends no second answer.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.close()


class HttpListener:
    """Answers HTTP requests by an application until it is drained."""

    def __init__(self, app: ASGIApp, drain_seconds: float, setting: str, tls: CertificateFiles | None = None) -> None:
        """Stores the application, the time for requests to finish, and the setting of the address, for errors."""
        self._setting = setting
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=CONNECTIONS_LIMIT,
                h11_max_incomplete_event_size=HEADERS_LIMIT_BYTES,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=max(1, round(drain_seconds)),
                ssl_context_factory=None if tls is None else lambda _config, _default: tls_context(tls),
            )
        )

    async def start(self, address: str, *, shares_port: bool = False) -> int:
        """Listens on host:port and returns the port; raises OSError if the port is not available."""
        listening = self._listening(address, shares_port=shares_port)
        self._serving = asyncio.create_task(self._server.serve([listening]))
        return int(listening.getsockname()[1])

    async def drain(self) -> None:
        """Accepts no more connections, lets running requests finish, and stops."""
        self._server.should_exit = True
        await self._serving

    def _listening(self, address: str, *, shares_port: bool) -> socket.socket:
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
            text = f"{self._setting}: got {address}, want a free port of this machine ({error.strerror})"
            raise OSError(error.errno, text) from None
        listening.settimeout(0.0)  # non-blocking
        return listening
