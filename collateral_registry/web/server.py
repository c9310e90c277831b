"""The HTTP server of one server process. It passes calls to the gRPC server of the same process by a local socket."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import grpc

from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.web.gateway.app import gateway_app
from collateral_registry.web.listener import HttpListener
from collateral_registry.web.local_only import is_local

ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
"""Largest message of an answer, before it is written as JSON."""


class HttpServer:
    """HTTP server of one process. ``local_address`` is where the gRPC server must listen for it."""

    def __init__(self, body_bytes: int, drain_seconds: float, *, shares_port: bool) -> None:
        self._folder = TemporaryDirectory(prefix="collateral-")
        self.local_address = f"unix:{Path(self._folder.name, 'grpc')}"
        self._body_bytes, self._drain_seconds, self._shares_port = body_bytes, drain_seconds, shares_port

    async def start(self, address: str, tls: CertificateFiles | None = None) -> int:
        """Listens on host:port and returns the port; raises OSError if the port is not available."""
        options = [("grpc.max_receive_message_length", ANSWER_LIMIT_BYTES)]
        self._channel = grpc.aio.insecure_channel(self.local_address, options=options)
        app = gateway_app(self._channel, self._body_bytes, local=is_local(address))
        self._listener = HttpListener(app, self._drain_seconds, "http_address", tls)
        return await self._listener.start(address, shares_port=self._shares_port)

    async def drain(self) -> None:
        """Accepts no more connections, lets running calls finish, and stops."""
        await self._listener.drain()
        await self._channel.close(None)
        self._folder.cleanup()
