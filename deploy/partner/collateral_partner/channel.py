"""Opens a channel to the server; the channel reconnects quickly."""

from __future__ import annotations

from pathlib import Path

import grpc

CONNECT_MILLISECONDS = 1_000
FIRST_RECONNECT_MILLISECONDS = 50
LONGEST_RECONNECT_MILLISECONDS = 250
"""The channel reconnects within a second of a server restart; by default, gRPC may wait up to two minutes."""

PORT_LIMIT = 65_535

OPTIONS = [
    ("grpc.min_reconnect_backoff_ms", CONNECT_MILLISECONDS),  # despite its name, the time limit of one attempt
    ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
    ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_MILLISECONDS),
]


def open_channel(server: str, root_certificate: Path | None = None) -> grpc.Channel:
    """Opens a channel to host:port; the channel uses TLS if a file of root certificates is given.

    Raises OSError if that file cannot be read.
    """
    if root_certificate is None:
        return grpc.insecure_channel(server, OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificate.read_bytes())
    return grpc.secure_channel(server, credentials, OPTIONS)


def names_server(address: str) -> bool:
    """Returns whether an address is unix:path or host:port; without a port gRPC would use one of its own."""
    host, _, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port) <= PORT_LIMIT
    return address.startswith("unix:") or (bool(host) and "://" not in host and is_port)
