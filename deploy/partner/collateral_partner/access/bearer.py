"""Sends a token with every call of a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

AUTHORIZATION = "authorization"

if TYPE_CHECKING:
    UnaryUnary = grpc.UnaryUnaryClientInterceptor[Any, Any]
    UnaryStream = grpc.UnaryStreamClientInterceptor[Any, Any]
    StreamUnary = grpc.StreamUnaryClientInterceptor[Any, Any]
    StreamStream = grpc.StreamStreamClientInterceptor[Any, Any]
else:  # not generic when they run
    UnaryUnary, UnaryStream = grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor
    StreamUnary, StreamStream = grpc.StreamUnaryClientInterceptor, grpc.StreamStreamClientInterceptor


class _Details(NamedTuple):
    """The details of a call, with the metadata of the token."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class SentToken(UnaryUnary, UnaryStream, StreamUnary, StreamStream):
    """Adds a token to calls without one; ``token`` returns it for each call, because files of tokens are replaced."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: object
    ) -> grpc.CallFuture[Any]:
        """Returns the call with the token."""
        call: grpc.CallFuture[Any] = _call(continuation, self._with_token(client_call_details), request)
        return call

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: object
    ) -> grpc.CallIterator[Any]:
        """Returns the call with the token."""
        call: grpc.CallIterator[Any] = _call(continuation, self._with_token(client_call_details), request)
        return call

    def intercept_stream_unary(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Iterator[Any],
    ) -> grpc.CallFuture[Any]:
        """Returns the call with the token."""
        call: grpc.CallFuture[Any] = _call(continuation, self._with_token(client_call_details), request_iterator)
        return call

    def intercept_stream_stream(
        self,
        continuation: Callable[..., Any],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Iterator[Any],
    ) -> grpc.CallIterator[Any]:
        """Returns the call with the token."""
        call: grpc.CallIterator[Any] = _call(continuation, self._with_token(client_call_details), request_iterator)
        return call

    def _with_token(self, details: grpc.ClientCallDetails) -> _Details:
        metadata, token = list(details.metadata or ()), self._token()
        if token and all(name != AUTHORIZATION for name, *_ in metadata):
            metadata.append((AUTHORIZATION, f"Bearer {token}"))
        return _Details(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )


def _call(continuation: Callable[..., Any], details: _Details, request: Any) -> Any:
    return continuation(details, request)
