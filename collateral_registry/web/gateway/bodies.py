"""Receives the bodies of requests, so that neither slow nor large ones keep out the calls of others."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import grpc
from starlette.requests import Request

from collateral_registry.web.gateway.errors import HttpError, refusal

BODY_SECONDS = 20.0
"""Longest time in which a body is received."""

SMALL_BODY_BYTES = 64 * 1024
"""Bodies up to this size are always received; the limit of connections bounds them all together."""

LARGE_BODIES_BYTES = 64 * 1024 * 1024
"""Bytes of all larger bodies that are being received at once. Beyond it, one that grows is refused."""


class Bodies:
    """Receives bodies within BODY_SECONDS, and of the large ones at once no more than LARGE_BODIES_BYTES."""

    def __init__(self) -> None:
        self._large_bytes = 0

    async def receive(self, request: Request, limit_bytes: int) -> bytes:
        """Returns the body of a request; raises HttpError if it is too large, too slow, or one of too many."""
        body = bytearray()
        counted = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit_bytes:
                        raise _too_large(limit_bytes)
                    if len(body) > SMALL_BODY_BYTES:
                        self._large_bytes += len(body) - counted
                        counted = len(body)
                    if counted and self._large_bytes > LARGE_BODIES_BYTES:
                        raise _too_many()
        except TimeoutError:
            raise _too_slow() from None
        finally:
            self._large_bytes -= counted
        return bytes(body)


def _too_large(limit_bytes: int) -> HttpError:
    return refusal(
        grpc.StatusCode.INVALID_ARGUMENT,
        "BODY_TOO_LARGE",
        f"body: got more than {limit_bytes} bytes, want at most {limit_bytes}",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    )


def _too_slow() -> HttpError:
    message = f"body: got no end within {BODY_SECONDS:g} s"
    return refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "BODY_TOO_SLOW", message, HTTPStatus.REQUEST_TIMEOUT)


def _too_many() -> HttpError:
    message = f"body: got more than {LARGE_BODIES_BYTES} bytes of large bodies at once; try again"
    return refusal(grpc.StatusCode.UNAVAILABLE, "TOO_MANY_BYTES", message)
