"""Why the service refuses what a reader might do, found by a request that changes nothing."""

from __future__ import annotations

import grpc

REFUSING = (
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,  # the reader has no name of its own, as the local owner behind a proxy
    grpc.StatusCode.PERMISSION_DENIED,
)
"""Codes with which the service states that the reader cannot do it now."""


def refusal_of(error: grpc.aio.AioRpcError) -> str:
    """Returns why the service refuses; raises the error if it states no refusal."""
    if error.code() not in REFUSING:
        raise error
    return error.details() or ""
