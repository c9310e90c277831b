"""Opens a channel to the server; the channel reconnects quickly."""

from __future__ import annotations

import re
from pathlib import Path

import grpc

from collateral_partner.tables.errors import InvalidInput

CONNECT_MILLISECONDS = 1_000
FIRST_RECONNECT_MILLISECONDS = 50
LONGEST_RECONNECT_MILLISECONDS = 250
"""The channel reconnects within a second of a server restart; by default, gRPC may wait up to two minutes."""

HOST_AND_PORT = re.compile(r"(?:dns:(?://[^/]*/)?)?(?:\[[0-9A-Fa-f:.%]+\]|[^\s/:\[\]]+):[0-9]{1,5}|unix:.+")
"""An address that gRPC can connect to; an address without a port would be tried at port 443."""

OPTIONS = [
    ("grpc.min_reconnect_backoff_ms", CONNECT_MILLISECONDS),  # despite its name, the time limit of one attempt
    ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
    ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_MILLISECONDS),
]


def open_channel(server: str, root_certificate: Path | None = None) -> grpc.Channel:
    """Opens a channel to host:port; the channel uses TLS if a file of root certificates is given.

    Raises InvalidInput for an address of another form, and OSError if that file cannot be read.
    """
    check_address(server)
    if root_certificate is None:
        return grpc.insecure_channel(server, OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificate.read_bytes())
    return grpc.secure_channel(server, credentials, OPTIONS)


def check_address(server: str) -> None:
    """Raises InvalidInput if the address of a server is not host:port."""
    if not HOST_AND_PORT.fullmatch(server):
        raise InvalidInput("server", repr(server), "host:port such as stock.lender.example:443")
