"""Who pushes stock: one interceptor reads the token of every partner call, and a handler asks whose call it is.

Without a file of partners nobody is known; then calls from this machine alone are taken, for any feed and warehouse, so
that a newcomer can try it out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import grpc

from collateral_registry.domain.shared.errors import NotPermitted, Unauthenticated
from collateral_registry.domain.stock.partners import Partner, partner_of
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler

PARTNER_CALLS = frozenset({"PushStock", "RecordMovements", "ReportCount"})
"""BookRunner of StockService that a partner makes for itself."""

SERVICE = "/collateral_registry.v1.StockService/"
SCHEME = "bearer "
LOCAL_PEERS = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")

_caller: ContextVar[Partner | None] = ContextVar("partner", default=None)


def own_warehouses(source_id: str) -> frozenset[str] | None:
    """The warehouses that the caller may touch through a feed, none for any; raises NotPermitted for another's feed."""
    partner = _caller.get()
    if partner is None:
        return None
    if partner.source_id != source_id:
        raise NotPermitted(f"stockFeeds/{source_id} is not the feed of this token", feed=f"stockFeeds/{source_id}")
    return partner.warehouses


class PartnerInterceptor(grpc.aio.ServerInterceptor):
    """Finds out whose token a partner call carries."""

    def __init__(self, partners: Mapping[str, Partner]) -> None:
        """The partners by their feeds; none takes calls of this machine."""
        self._partners = partners

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wraps the handlers of partner calls."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.removeprefix(SERVICE) not in PARTNER_CALLS:
            return handler
        made = (handler.request_deserializer, handler.response_serializer)
        if handler.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream), *made)
        return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary), *made)

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            _caller.set(self._known(context))
            return await behaviour(request, context)

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            _caller.set(self._known(context))
            async for answer in behaviour(requests, context):
                yield answer

        return call

    def _known(self, context: grpc.aio.ServicerContext) -> Partner | None:
        """The partner whose token the call carries; raises Unauthenticated."""
        if not self._partners:
            if str(context.peer()).startswith(LOCAL_PEERS):
                return None
            raise Unauthenticated("no partners are configured, so stock is taken from this machine alone")
        said = dict(context.invocation_metadata()).get("authorization", "")
        partner = partner_of(said[len(SCHEME) :], self._partners) if said.lower().startswith(SCHEME) else None
        if partner is None:
            raise Unauthenticated("authorization: got no token of a partner, want 'Bearer TOKEN'")
        return partner
