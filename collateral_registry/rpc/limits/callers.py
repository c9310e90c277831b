"""Who a call is charged to."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import compare_digest, token_hex

import grpc

CALLER_KEY, PROOF_KEY = "x-collateral-caller", "x-collateral-proof"
"""Metadata with which the HTTP gateway names the connection of its caller, and proves that it is the gateway."""

_PROOF = token_hex(16)
"""Known to this process only, because other callers of a Unix socket must not choose whom they are counted as."""

NAME_LIMIT_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class CallerKey:
    """Whom the limits of a caller hold for: a connection, as long as callers have no identity."""

    kind: str
    name: str


def stated_caller(name: str) -> tuple[tuple[str, str], ...]:
    """Returns the metadata by which a server of this process counts a call for the connection of a name."""
    return (CALLER_KEY, name), (PROOF_KEY, _PROOF)


def caller_of(context: grpc.aio.ServicerContext) -> CallerKey:
    """Returns the connection of a call; of a call that the HTTP gateway passes on, the connection to the gateway."""
    peer = context.peer()
    if peer.startswith("unix:"):
        stated = {name: str(value) for name, value in context.invocation_metadata() or ()}
        if CALLER_KEY in stated and compare_digest(stated.get(PROOF_KEY, "").encode(), _PROOF.encode()):
            return CallerKey("http", stated[CALLER_KEY][:NAME_LIMIT_CHARACTERS])
    return CallerKey("connection", peer)
