"""Who a call is charged to."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

CALLER_KEY = "x-collateral-caller"
"""Metadata with which the HTTP gateway names the connection of its caller. Only calls by a Unix socket may state it."""

NAME_LIMIT_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class CallerKey:
    """Whom the limits of a caller hold for: a connection, as long as callers have no identity."""

    kind: str
    name: str


def caller_of(context: grpc.aio.ServicerContext) -> CallerKey:
    """Returns the connection of a call; of a call that the HTTP gateway passes on, the connection to the gateway."""
    peer = context.peer()
    if peer.startswith("unix:"):
        for name, value in context.invocation_metadata() or ():
            if name == CALLER_KEY:
                return CallerKey("http", str(value)[:NAME_LIMIT_CHARACTERS])
    return CallerKey("connection", peer)
