"""The HTTP server of one server process: the pages, and HTTP/JSON below /v1.

Both pass calls to the gRPC server of the same process by a local socket.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
from starlette.types import ASGIApp, Receive, Scope, Send

from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.web.gateway.app import gateway_app
from collateral_registry.web.listener import HttpListener
from collateral_registry.web.local_only import is_local
from collateral_registry.web.pages.app import pages_app
from collateral_registry.web.pages.exports.download import Exports
from collateral_registry.web.pages.live import LiveEvents

ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
"""Largest message of an answer, before it is written as JSON or as a page."""

GATEWAY_PATH = "/v1/"


class HttpServer:
    """HTTP server of one process. ``local_address`` is where the gRPC server must listen for it."""

    def __init__(self, body_bytes: int, drain_seconds: float, *, shares_port: bool) -> None:
        self._folder = TemporaryDirectory(prefix="collateral-")
        self.local_address = f"unix:{Path(self._folder.name, 'grpc')}"
        self._body_bytes, self._drain_seconds, self._shares_port = body_bytes, drain_seconds, shares_port

    async def start(self, address: str, tls: CertificateFiles | None = None) -> int:
        """Listens on host:port and returns the port; raises OSError if the port is not available."""
        # A pool of its own for each channel, so that pages and their streams do not take the calls of HTTP/JSON.
        options = [
            ("grpc.max_receive_message_length", ANSWER_LIMIT_BYTES),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self._channels = [grpc.aio.insecure_channel(self.local_address, options=options) for _ in range(2)]
        self._live, self._exports = LiveEvents(), Exports()
        gateway = gateway_app(self._channels[0], self._body_bytes, local=is_local(address))
        app = _ByPath(gateway, pages_app(self._channels[1], self._live, self._exports, local=is_local(address)))
        self._listener = HttpListener(app, self._drain_seconds, "http_address", tls)
        return await self._listener.start(address, shares_port=self._shares_port)

    async def drain(self) -> None:
        """Accepts no more connections, lets running calls finish, ends streams, and stops."""
        self._live.stop()
        await self._listener.drain()
        self._exports.close()
        for channel in self._channels:
            await channel.close(None)
        self._folder.cleanup()


class _ByPath:
    """Passes requests below GATEWAY_PATH to one application and all others to another."""

    def __init__(self, gateway: ASGIApp, pages: ASGIApp) -> None:
        self._gateway, self._pages = gateway, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_call = str(scope.get("path", "")).startswith(GATEWAY_PATH)
        await (self._gateway if is_call else self._pages)(scope, receive, send)
