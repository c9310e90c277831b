"""Authenticates the warehouse partners that push stock, by a bearer token.

An interceptor reads the token of every partner call. Handlers ask ``own_warehouses`` what the caller may report. If no
partners are configured, only calls from this machine are accepted. They may report any feed and warehouse, so that the
service can be tried without setup.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

import grpc

from collateral_registry.domain.shared.errors import NotPermitted, Unauthenticated
from collateral_registry.domain.stock.partners import Partner, partner_of
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler

PARTNER_CALLS = frozenset({"PushStock", "RecordMovements", "ReportCount"})
"""Methods of StockService that partners call."""

SERVICE = "/collateral_registry.v1.StockService/"
SCHEME = "bearer "
LOCAL_PEERS = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")

_caller: ContextVar[Partner | None] = ContextVar("partner", default=None)


def own_warehouses(source_id: str) -> frozenset[str] | None:
    """Returns the warehouses that the caller may report through a feed; None if it may report all.

    Raises NotPermitted if the feed belongs to another partner.
    """
    partner = _caller.get()
    if partner is None:
        return None
    if partner.source_id != source_id:
        raise NotPermitted(f"stockFeeds/{source_id} is not the feed of this token", feed=f"stockFeeds/{source_id}")
    return partner.warehouses


class PartnerInterceptor(grpc.aio.ServerInterceptor):
    """Identifies the partner of a call by its token. ``partners`` are the configured partners, by feed."""

    def __init__(self, partners: Mapping[str, Partner]) -> None:
        self._partners = partners

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Returns the handler of the call. If it is a partner's call, the handler authenticates the partner first."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.removeprefix(SERVICE) not in PARTNER_CALLS:
            return handler
        return wrap_handler(handler, self._unary, self._stream)

    def _unary(self, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            _caller.set(self._authenticated(context))
            return await behaviour(request, context)

        return call

    def _stream(self, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            _caller.set(self._authenticated(context))
            async for answer in behaviour(requests, context):
                yield answer

        return call

    def _authenticated(self, context: grpc.aio.ServicerContext) -> Partner | None:
        """Returns the partner whose token the call carries; raises Unauthenticated if there is none.

        If no partners are configured, returns None for a call from this machine.
        """
        if not self._partners:
            if str(context.peer()).startswith(LOCAL_PEERS):
                return None
            raise Unauthenticated("no partners are configured, so only calls from this machine may report stock")
        header = str(dict(context.invocation_metadata()).get("authorization", ""))
        partner = partner_of(header[len(SCHEME) :], self._partners) if header.lower().startswith(SCHEME) else None
        if partner is None:
            raise Unauthenticated("authorization: got no token of a partner, want 'Bearer TOKEN'")
        return partner
