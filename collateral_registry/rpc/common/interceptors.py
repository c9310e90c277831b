"""The interceptor that turns errors into statuses, and a helper with which interceptors wrap handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.logs import CALL, CallRecord, logger
from collateral_registry.rpc.common.errors import KNOWN_ERRORS, status_of, unforeseen_status
from collateral_registry.rpc.common.field_paths import from_root
from valuation.errors import InvalidInput

UnaryHandler = Callable[[Any, grpc.aio.ServicerContext], Awaitable[object]]
"""Handler that returns one response to a request or to a stream of requests."""

StreamHandler = Callable[[Any, grpc.aio.ServicerContext], AsyncIterator[object]]
"""Handler that streams responses."""

LOG = logger("rpc")

REQUEST_ID, TRACE_PARENT = "x-request-id", "traceparent"
"""Metadata of a call that its log lines state and that is returned with its status."""

_WANTED = "a message of the contract, with texts in UTF-8"


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns errors into statuses and logs the cause of server errors.

    An error that no command may raise is answered INTERNAL with a reference, under which the log has the traceback. A
    message that cannot be read is answered INVALID_ARGUMENT.
    """

    def __init__(self) -> None:
        self._wrapped: dict[str, tuple[grpc.RpcMethodHandler[Any, Any], grpc.RpcMethodHandler[Any, Any]]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that errors are translated."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        if handler is None:
            return None  # an unknown method: grpc answers UNIMPLEMENTED
        known, wrapped = self._wrapped.get(method, (None, None))
        if known is not handler:
            receives = _receive_each if handler.request_streaming else _receive
            wrapped = wrap_handler(
                handler, partial(_unary, method, receives), partial(_stream, method, receives), _reader_of(handler)
            )
            self._wrapped[method] = (handler, wrapped)
        return wrapped


def wrap_handler(
    handler: grpc.RpcMethodHandler[Any, Any],
    wrap_unary: Callable[[UnaryHandler], UnaryHandler],
    wrap_stream: Callable[[StreamHandler], StreamHandler],
    read: Callable[[bytes], Any] | None = None,
) -> grpc.RpcMethodHandler[Any, Any]:
    """Returns a handler of the same kind and serialisation whose function is wrapped.

    ``read`` replaces the function that reads a request message.
    """
    serialisation = read or handler.request_deserializer, handler.response_serializer
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(wrap_unary(handler.unary_unary), *serialisation)
    if handler.stream_unary:
        return grpc.stream_unary_rpc_method_handler(wrap_unary(handler.stream_unary), *serialisation)
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(wrap_stream(handler.unary_stream), *serialisation)
    return grpc.stream_stream_rpc_method_handler(wrap_stream(handler.stream_stream), *serialisation)


def _reader_of(handler: grpc.RpcMethodHandler[Any, Any]) -> Callable[[bytes], Any] | None:
    """Returns a function that reads a request message and returns an InvalidInput if that is impossible."""
    deserialise = handler.request_deserializer
    if deserialise is None:
        return None

    def read(data: bytes) -> Any:  # noqa: ANN401 - gRPC's handlers have any type of request
        try:
            return deserialise(data)
        except DecodeError:
            return InvalidInput("request", f"{len(data)} bytes that are no message of this method", _WANTED)

    return read


def _receive(request: Any) -> Any:  # noqa: ANN401 - gRPC's handlers have any type of request
    """Returns a request; raises InvalidInput if it could not be read."""
    if isinstance(request, InvalidInput):
        raise request
    return request


async def _receive_each(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """Yields the messages of a stream; raises InvalidInput for one that could not be read."""
    async for request in requests:
        yield _receive(request)
        del request  # so that it takes no memory while the next one is awaited


def _unary(method: str, receive: Callable[[Any], Any], behaviour: UnaryHandler) -> UnaryHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> object:
        try:
            return await behaviour(receive(request), context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - an unforeseen error is answered and logged with a reference
            await abort(context, _spelled(request, error), method)
            return None  # not reached: abort raises

    return call


def _stream(method: str, receive: Callable[[Any], Any], behaviour: StreamHandler) -> StreamHandler:
    async def call(request: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
        try:
            async for answer in behaviour(receive(request), context):
                yield answer
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - an unforeseen error is answered and logged with a reference
            await abort(context, _spelled(request, error), method)

    return call


def _spelled(request: object, error: Exception) -> Exception:
    """Returns an error about the input with the fields named from the root of the request; other errors unchanged."""
    if isinstance(error, InvalidInput) and isinstance(request, Message):
        return error.named(partial(from_root, request))
    return error


async def abort(context: grpc.aio.ServicerContext, error: Exception, method: str) -> None:
    """Ends a call with the status of an error."""
    if isinstance(error, KNOWN_ERRORS):
        code, status = status_of(error)
        call = CALL.get()
        if call is not None and isinstance(error, DomainError):
            call.reason = error.reason
        if code is grpc.StatusCode.UNAVAILABLE:
            LOG.error("call failed", method=method, code=code.name, cause=repr(error.__cause__ or error))
    else:
        code, status = grpc.StatusCode.INTERNAL, unforeseen_status(error, method=method)
    details = (*returned_metadata(CALL.get()), ("grpc-status-details-bin", status.SerializeToString()))
    await context.abort(code, status.message, details)


def returned_metadata(call: CallRecord | None) -> tuple[tuple[str, str], ...]:
    """Returns the metadata that is returned with the status of a call: its request id and its trace."""
    if call is None:
        return ()
    trace = ((TRACE_PARENT, call.trace),) if call.trace else ()
    return ((REQUEST_ID, call.request_id), *trace)
