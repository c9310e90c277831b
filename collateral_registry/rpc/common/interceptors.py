"""What every call needs and no handler should repeat: known errors become statuses, their causes are logged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import structlog

from collateral_registry.rpc.common.errors import KNOWN_ERRORS, status_of

UnaryHandler = Callable[[Any, grpc.aio.ServicerContext], Awaitable[object]]
StreamHandler = Callable[[Any, grpc.aio.ServicerContext], AsyncIterator[object]]

LOG = structlog.get_logger("rpc")


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns errors into statuses for calls with one answer and for streams of answers."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wraps the handler of the call."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None  # an unknown method: grpc answers UNIMPLEMENTED
        method = handler_call_details.method
        for kind, (wrapped, made) in WRAPPERS.items():
            behaviour = getattr(handler, kind)
            if behaviour is not None:
                handler = made(wrapped(behaviour, method), handler.request_deserializer, handler.response_serializer)
                break
        wrapped_handler: grpc.RpcMethodHandler[Any, Any] = handler
        return wrapped_handler


def _unary(behaviour: UnaryHandler, method: str) -> UnaryHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> object:
        try:
            return await behaviour(request, context)
        except KNOWN_ERRORS as error:
            await _abort(context, error, method)
            return None  # the abort above never comes back

    return call


def _stream(behaviour: StreamHandler, method: str) -> StreamHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
        try:
            async for answer in behaviour(request, context):
                yield answer
        except KNOWN_ERRORS as error:
            await _abort(context, error, method)

    return call


WRAPPERS: dict[str, tuple[Any, Any]] = {
    "unary_unary": (_unary, grpc.unary_unary_rpc_method_handler),
    "unary_stream": (_stream, grpc.unary_stream_rpc_method_handler),
    "stream_unary": (_unary, grpc.stream_unary_rpc_method_handler),
    "stream_stream": (_stream, grpc.stream_stream_rpc_method_handler),
}
"""How a handler of each kind is wrapped, and made again."""


async def _abort(context: grpc.aio.ServicerContext, error: Exception, method: str) -> None:
    code, status = status_of(error)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL}:
        LOG.error("call failed", method=method, code=code.name, cause=repr(error.__cause__ or error))
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, status.message, details)
