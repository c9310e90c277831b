"""Bounds of connections, which gRPC enforces below the interceptors."""

from __future__ import annotations

import resource

from collateral_registry.rpc.limits.numbers import ConnectionLimits

METADATA_LIMIT_BYTES = 16 * 1024
"""Metadata of a call, which includes its token."""

CONNECTIONS_SHARE = 0.75
"""Share of the files that the process may open that connections may use; the database needs the others."""

HANDSHAKE_SECONDS = 10
"""Time in which a new socket must speak HTTP/2."""

AGE_GRACE_SECONDS = 24 * 3600
"""Time that the calls of a connection have after its age limit. Streams that are cut then are resumed by clients."""

PING_SECONDS_LEAST = 30
"""Shortest interval of a client's pings on a connection without data; one that pings more often is disconnected."""

KEEPALIVE_SECONDS = 120
KEEPALIVE_TIMEOUT_SECONDS = 20
"""A silent connection is pinged after this time, and closed if the other side does not answer in time."""


def connection_options(limits: ConnectionLimits, message_limit_bytes: int) -> list[tuple[str, int]]:
    """Returns the options of the gRPC server that bound its connections and messages."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [
        ("grpc.max_receive_message_length", message_limit_bytes),
        # Between two different limits gRPC refuses calls at random.
        ("grpc.max_metadata_size", METADATA_LIMIT_BYTES),
        ("grpc.absolute_max_metadata_size", METADATA_LIMIT_BYTES),
        ("grpc.max_allowed_incoming_connections", min(limits.connections_limit, int(files * CONNECTIONS_SHARE))),
        ("grpc.max_concurrent_streams", limits.connection_calls_limit),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
        ("grpc.max_connection_idle_ms", round(limits.connection_idle_seconds * 1000)),
        ("grpc.max_connection_age_ms", round(limits.connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", AGE_GRACE_SECONDS * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", PING_SECONDS_LEAST * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
    ]


def allow_open_files() -> None:
    """Raises the number of files that this process may open to the most that the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
