"""Authenticates the partners that push feeds, by a bearer token.

An interceptor reads the token of every partner call. Handlers ask ``own_warehouses`` or ``own_pools`` what the caller
may report. If no partners are configured, only calls from this machine are accepted. They may report any feed, so that
the service can be tried without setup.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any

import grpc

from collateral_registry.domain.feeds.partners import Partner, partner_of
from collateral_registry.domain.receivables.ledger import EntrySource
from collateral_registry.domain.receivables.ledgers.entries import PartnerScope
from collateral_registry.domain.shared.errors import NotPermitted, Unauthenticated
from collateral_registry.rpc.common.calls import current_caller
from collateral_registry.rpc.common.interceptors import StreamHandler, UnaryHandler, wrap_handler
from collateral_registry.store.feeds.batches import FeedTables
from collateral_registry.store.receivables.feeds import INVOICE_FEEDS
from collateral_registry.store.stock.feeds import STOCK_FEEDS

_SERVICES = {
    "StockService": ("stock", ("PushStock", "RecordMovements", "ReportCount")),
    "InvoiceFeedService": ("invoices", ("PushInvoices", "RecordInvoiceEntries")),
}
"""What partners report by a service, and its methods that they call."""

PARTNER_CALLS = {
    f"/collateral_registry.v1.{service}/{method}": what
    for service, (what, methods) in _SERVICES.items()
    for method in methods
}
"""What partners report by each method that they call."""

SCHEME = "bearer "
LOCAL_PEERS = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")

_caller: ContextVar[Partner | None] = ContextVar("partner", default=None)


def own_warehouses(source_id: str) -> frozenset[str] | None:
    """Returns the warehouses that the caller may report through a feed; None if it may report all.

    Raises NotPermitted if the feed belongs to another partner.
    """
    partner = _partner_of(STOCK_FEEDS.tables, source_id)
    return None if partner is None else partner.warehouses


def own_pools(source_id: str) -> PartnerScope | None:
    """Returns the pools that the caller may report through a feed, and the record; None if it may report all.

    Raises NotPermitted if the feed belongs to another partner.
    """
    partner = _partner_of(INVOICE_FEEDS.tables, source_id)
    if partner is None:
        return None
    return PartnerScope(partner.pools, EntrySource.ACCOUNT if partner.of_account else EntrySource.LEDGER)


def check_own_feed(tables: FeedTables, name: str) -> None:
    """Raises NotPermitted if the caller is a partner, and a name in its request is not that of its feed."""
    partner = _partner()
    if partner is not None and name != tables.name_of(partner.source_id):
        raise NotPermitted(f"{name or 'every feed'} is not the feed of this token", feed=name)


def _partner_of(tables: FeedTables, source_id: str) -> Partner | None:
    check_own_feed(tables, tables.name_of(source_id))
    return _partner()


def _partner() -> Partner | None:
    return current_caller().partner or _caller.get()


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
        what = PARTNER_CALLS.get(handler_call_details.method)
        if handler is None or what is None:
            return handler
        return wrap_handler(handler, partial(self._unary, what), partial(self._stream, what))

    def _unary(self, what: str, behaviour: UnaryHandler) -> UnaryHandler:
        async def call(request: object, context: grpc.aio.ServicerContext) -> object:
            _caller.set(self._authenticated(context, what))
            return await behaviour(request, context)

        return call

    def _stream(self, what: str, behaviour: StreamHandler) -> StreamHandler:
        async def call(requests: object, context: grpc.aio.ServicerContext) -> AsyncIterator[object]:
            _caller.set(self._authenticated(context, what))
            async for answer in behaviour(requests, context):
                yield answer

        return call

    def _authenticated(self, context: grpc.aio.ServicerContext, what: str) -> Partner | None:
        """Returns the partner whose token the call carries; raises Unauthenticated if there is none.

        If no partners are configured, returns None for a call from this machine.
        """
        if not self._partners:
            if str(context.peer()).startswith(LOCAL_PEERS):
                return None
            raise Unauthenticated(f"no partners are configured, so only calls from this machine may report {what}")
        header = str(dict(context.invocation_metadata()).get("authorization", ""))
        partner = partner_of(header[len(SCHEME) :], self._partners) if header.lower().startswith(SCHEME) else None
        if partner is None:
            raise Unauthenticated("authorization: got no token of a partner, want 'Bearer TOKEN'")
        return partner
