"""The interceptor that turns known errors into statuses, and a helper with which interceptors wrap handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message

from collateral_registry.rpc.common.errors import KNOWN_ERRORS, status_of
from collateral_registry.rpc.common.field_paths import from_root
from valuation.errors import InvalidInput

UnaryHandler = Callable[[Any, grpc.aio.ServicerContext], Awaitable[object]]
"""Handler that returns one response to a request or to a stream of requests."""

StreamHandler = Callable[[Any, grpc.aio.ServicerContext], AsyncIterator[object]]
"""Handler that streams responses."""

LOG = structlog.get_logger("rpc")


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns known errors into statuses and logs the cause of server errors."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that errors are translated."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        if handler is None:
            return None  # an unknown method: grpc answers UNIMPLEMENTED
        return wrap_handler(handler, partial(_unary, method), partial(_stream, method))


def wrap_handler(
    handler: grpc.RpcMethodHandler[Any, Any],
    wrap_unary: Callable[[UnaryHandler], UnaryHandler],
    wrap_stream: Callable[[StreamHandler], StreamHandler],
) -> grpc.RpcMethodHandler[Any, Any]:
    """Returns a handler of the same kind and serialisation whose function is wrapped."""
    serialisation = handler.request_deserializer, handler.response_serializer
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(wrap_unary(handler.unary_unary), *serialisation)
    if handler.stream_unary:
        return grpc.stream_unary_rpc_method_handler(wrap_unary(handler.stream_unary), *serialisation)
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(wrap_stream(handler.unary_stream), *serialisation)
    return grpc.stream_stream_rpc_method_handler(wrap_stream(handler.stream_stream), *serialisation)


def _unary(method: str, behaviour: UnaryHandler) -> UnaryHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> object:
        try:
            return await behaviour(request, context)
        except KNOWN_ERRORS as error:
            await _abort(context, _spelled(request, error), method)
            return None  # not reached: abort raises

    return call


def _stream(method: str, behaviour: StreamHandler) -> StreamHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
        try:
            async for answer in behaviour(request, context):
                yield answer
        except KNOWN_ERRORS as error:
            await _abort(context, _spelled(request, error), method)

    return call


def _spelled(request: object, error: Exception) -> Exception:
    """Returns an error about the input with the fields named from the root of the request; other errors unchanged."""
    if isinstance(error, InvalidInput) and isinstance(request, Message):
        return error.named(partial(from_root, request))
    return error


async def _abort(context: grpc.aio.ServicerContext, error: Exception, method: str) -> None:
    code, status = status_of(error)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL}:
        LOG.error("call failed", method=method, code=code.name, cause=repr(error.__cause__ or error))
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, details)
