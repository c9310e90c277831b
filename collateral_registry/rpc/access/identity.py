"""The interceptor that identifies the caller of every call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from collateral_registry.domain.access.callers import LOCAL_OWNER, Caller
from collateral_registry.rpc.common.calls import set_caller
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler


class IdentityInterceptor(grpc.aio.ServerInterceptor):
    """Identifies the caller of every call before its handler runs."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call, wrapped so that its task has a caller."""
        handler = await continuation(handler_call_details)
        return handler and wrap_handler(handler, self._unary, self._stream)

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            set_caller(self._identify(context))
            return await behaviour(request, context)

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            set_caller(self._identify(context))
            async for answer in behaviour(requests, context):
                yield answer

        return call

    def _identify(self, context: grpc.aio.ServicerContext) -> Caller:
        """Returns the caller of a call."""
        return LOCAL_OWNER
