"""The interceptor that admits calls before their requests are received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from collateral_registry.rpc.common.errors import KNOWN_ERRORS
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, abort
from collateral_registry.rpc.limits.callers import caller_of
from collateral_registry.rpc.limits.methods import Method, method_of
from collateral_registry.rpc.limits.numbers import CallLimits
from collateral_registry.rpc.limits.places import Places
from collateral_registry.rpc.limits.visits import Visit
from valuation.errors import InvalidInput

SWEEP_SECONDS = 0.25
"""How often calls are compared with their time limits."""


class AdmissionInterceptor(grpc.aio.ServerInterceptor):
    """Admits calls within the limits, receives their requests, and ends those that are overdue.

    A handler of one request is replaced by one of a stream of requests, because gRPC calls the former only once the
    request has been received and decoded. The interceptors after this one see the kind of handler that was registered.
    They may choose a handler by the name of the method only, because it is chosen once.
    """

    def __init__(self, limits: CallLimits) -> None:
        self._limits = limits
        self._places = Places(limits)
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._sweeping = False

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, which admits it first; None for one that is unknown or has no class."""
        path = handler_call_details.method
        known = self._handlers.get(path)
        if known is None:
            handler = await continuation(handler_call_details)
            method = method_of(path, handler, self._limits) if handler else None
            if method is None:
                return None  # grpc answers UNIMPLEMENTED
            known = self._handlers[path] = self._admitting(method, handler)
        return known

    def _admitting(self, method: Method, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        if method.streams:
            behaviour = handler.stream_stream or handler.unary_stream
            answers = self._stream(method, behaviour, one_request=not handler.request_streaming)
            return grpc.stream_stream_rpc_method_handler(answers, None, handler.response_serializer)
        behaviour = handler.stream_unary or handler.unary_unary
        answer = self._unary(method, behaviour, one_request=not handler.request_streaming)
        return grpc.stream_unary_rpc_method_handler(answer, None, handler.response_serializer)

    def _unary(self, method: Method, behaviour: UnaryHandler, *, one_request: bool) -> UnaryHandler:
        async def call(_: object, context: grpc.aio.ServicerContext) -> object:
            try:
                with self._enter(method, context) as visit:
                    return await behaviour(await self._received(visit, context, one_request=one_request), context)
            except KNOWN_ERRORS as error:
                await abort(context, error, method.path)
                return None  # not reached: abort raises

        return call

    def _stream(self, method: Method, behaviour: StreamHandler, *, one_request: bool) -> StreamHandler:
        async def call(_: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            try:
                with self._enter(method, context) as visit:
                    requests = await self._received(visit, context, one_request=one_request)
                    async for answer in behaviour(requests, context):
                        if one_request:
                            self._places.forget_bytes(visit)
                        yield answer
            except KNOWN_ERRORS as error:
                await abort(context, error, method.path)

        return call

    def _enter(self, method: Method, context: grpc.aio.ServicerContext) -> Visit:
        visit = self._places.enter(method, caller_of(context))
        if not self._sweeping:
            self._sweep()
        return visit

    async def _received(self, visit: Visit, context: grpc.aio.ServicerContext, *, one_request: bool) -> object:
        """Returns the request of a call or, unless it has one request only, an iterator of its requests."""
        first = await self._receive(visit, context)
        return first if one_request else self._requests(first, visit, context)

    async def _receive(self, visit: Visit, context: grpc.aio.ServicerContext) -> object:
        """Returns the first request of a call; raises InvalidInput if there is none or it is too large."""
        data = await context.read()
        if not isinstance(data, bytes):  # EOF
            raise InvalidInput("request", "the end of the call", "a message")
        request = self._read(visit, data)
        visit.await_answer()
        return request

    def _read(self, visit: Visit, data: bytes) -> object:
        method, size = visit.method, len(data)
        self._places.received(visit, size)
        if size > method.limit_bytes:
            raise InvalidInput("request", f"{size} bytes", f"at most {method.limit_bytes} bytes for this method")
        return method.decode(data)

    async def _requests(
        self, request: object, visit: Visit, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[object]:
        """Yields the requests of a stream, from its first; each counts until its consumer asks for the next one."""
        while request is not None:
            yield request
            del request  # so that it takes no memory while the next one is awaited
            self._places.forget_bytes(visit)
            request = await self._next(visit, context)

    async def _next(self, visit: Visit, context: grpc.aio.ServicerContext) -> object:
        """Returns the next request of a stream, or None at its end; those of an upload must follow each other."""
        if visit.method.uploads:
            visit.await_message(self._limits.message_seconds)
        data = await context.read()
        visit.await_answer()
        return self._read(visit, data) if isinstance(data, bytes) else None

    def _sweep(self) -> None:
        """Ends overdue calls now and after every interval, as long as there are calls."""
        self._places.end_overdue()
        self._sweeping = bool(self._places.visits)
        if self._sweeping:
            asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep)
