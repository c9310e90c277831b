"""The way to the server: a channel that comes back by itself."""

from __future__ import annotations

from pathlib import Path

import grpc

CONNECT_MILLISECONDS = 1_000
FIRST_RECONNECT_MILLISECONDS = 50
LONGEST_RECONNECT_MILLISECONDS = 250
"""A partner is back within a second of its server; grpc waits up to two minutes unless told."""

OPTIONS = [
    ("grpc.min_reconnect_backoff_ms", CONNECT_MILLISECONDS),  # by this name grpc means how long one attempt may take
    ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
    ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_MILLISECONDS),
]


def open_channel(server: str, root_certificate: Path | None = None) -> grpc.Channel:
    """A channel to host:port, by TLS when a file of root certificates is given; raises OSError when it is not there."""
    if root_certificate is None:
        return grpc.insecure_channel(server, OPTIONS)
    credentials = grpc.ssl_channel_credentials(root_certificate.read_bytes())
    return grpc.secure_channel(server, credentials, OPTIONS)
