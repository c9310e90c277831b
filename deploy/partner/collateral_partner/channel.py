"""Opens a channel to the server; it reconnects quickly and repeats calls that the server refuses for now."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from collateral_partner.access.bearer import SentToken
from collateral_partner.access.connection import Connection
from collateral_partner.stream import retry_seconds

CONNECT_MILLISECONDS = 1_000
FIRST_RECONNECT_MILLISECONDS = 50
LONGEST_RECONNECT_MILLISECONDS = 250
"""The channel reconnects within a second of a server restart; by default, gRPC may wait up to two minutes."""

ATTEMPTS = 5
WAIT_LIMIT_SECONDS = 10.0
"""Longest time to wait for another attempt; if the server asks for more, the refusal is final."""

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


def open_channel(
    server: str,
    root_certificate: Path | None = None,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    token_file: Path | None = None,
) -> grpc.Channel:
    """Opens a channel to host:port that repeats calls, by TLS unless the server is on this machine.

    With a file of root certificates TLS is used there too. ``certificate`` and ``key`` are those of the client. The
    token of a file, or of the environment, is sent with each call. Raises ValueError for credentials that do not belong
    together, and OSError if a file cannot be read.
    """
    return channel_to(server, Connection(root_certificate, certificate, key, token_file), OPTIONS)


def channel_to(server: str, connection: Connection, options: Sequence[tuple[str, Any]]) -> grpc.Channel:
    """Opens a channel that repeats calls; raises ValueError or OSError for unusable credentials."""
    if not connection.uses_tls(server):
        channel = grpc.insecure_channel(server, options)
    else:
        files = (connection.tls_authority, connection.key, connection.certificate)
        credentials = grpc.ssl_channel_credentials(*(path.read_bytes() if path else None for path in files))
        channel = grpc.secure_channel(server, credentials, options)
    if connection.token():
        channel = grpc.intercept_channel(channel, SentToken(connection.token))
    return repeating(channel)
