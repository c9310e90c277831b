"""Opens a channel to the server; it reconnects quickly and repeats calls that the server refuses for now."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from collateral_partner.stream import retry_seconds

CONNECT_MILLISECONDS = 1_000
FIRST_RECONNECT_MILLISECONDS = 50
LONGEST_RECONNECT_MILLISECONDS = 250
"""The channel reconnects within a second of a server restart; by default, gRPC may wait up to two minutes."""

ATTEMPTS = 5
WAIT_LIMIT_SECONDS = 10.0
"""Longest time to wait for another attempt; if the server asks for more, the refusal is final."""

PORT_LIMIT = 65_535

OPTIONS = [
    ("grpc.min_reconnect_backoff_ms", CONNECT_MILLISECONDS),  # despite its name, the time limit of one attempt
    ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_MILLISECONDS),
    ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_MILLISECONDS),
]


class RepeatRefused(grpc.UnaryUnaryClientInterceptor):  # type: ignore[type-arg] # not generic when it runs
    """Repeats a call with one request that ended with RESOURCE_EXHAUSTED and RetryInfo: nothing was done."""

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: object
    ) -> Any:  # noqa: ANN401 - the types of gRPC require it
        """Returns the call, or its last repetition."""
        call = continuation(client_call_details, request)
        for _ in range(ATTEMPTS - 1):
            error = call.exception()
            seconds = retry_seconds(error) if isinstance(error, grpc.RpcError) else 0.0
            if not 0 < seconds <= WAIT_LIMIT_SECONDS:
                break
            time.sleep(seconds)
            call = continuation(client_call_details, request)
        return call


def repeating(channel: grpc.Channel) -> grpc.Channel:
    """Returns a channel whose calls with one request are repeated if they are refused for now."""
    return grpc.intercept_channel(channel, RepeatRefused())


def open_channel(server: str, root_certificate: Path | None = None) -> grpc.Channel:
    """Opens a channel to host:port that repeats calls; it uses TLS if a file of root certificates is given.

    Raises OSError if that file cannot be read.
    """
    if root_certificate is None:
        return repeating(grpc.insecure_channel(server, OPTIONS))
    credentials = grpc.ssl_channel_credentials(root_certificate.read_bytes())
    return repeating(grpc.secure_channel(server, credentials, OPTIONS))


def names_server(address: str) -> bool:
    """Returns whether an address is unix:path or host:port; without a port gRPC would use one of its own."""
    host, _, port = address.rpartition(":")
    is_port = port.isdecimal() and 0 < int(port) <= PORT_LIMIT
    return address.startswith("unix:") or (bool(host) and "://" not in host and is_port)
