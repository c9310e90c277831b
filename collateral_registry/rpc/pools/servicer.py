"""Servicer of ReceivableService."""

from __future__ import annotations

from collections.abc import Sequence

from grpc.aio import ServicerContext

from collateral_registry.clock import microseconds
from collateral_registry.commands.pools.explain import ExplainedPool, explained_pool, pool_statement, row_of_invoice
from collateral_registry.commands.pools.invoices import selected_invoices
from collateral_registry.commands.pools.quotes import quote_pool_of_entries
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import read_moment
from collateral_registry.rpc.pools.messages import (
    explanation_message,
    invoice_message,
    read_invoice_name,
    statement_message,
    sums_message,
)
from collateral_registry.rpc.pools.quote_messages import debtors_of, quote_message, read_quote
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.debtors.facts import registered_ids
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import receivable_pb2 as pb, receivable_pb2_grpc


class ReceivableServicer(receivable_pb2_grpc.ReceivableServiceServicer):
    """Shows statements of pools and explains their invoices."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def GetPoolStatement(self, request: pb.GetPoolStatementRequest, context: ServicerContext) -> pb.PoolStatement:
        """Returns the statement of a pool that was current at a moment."""
        (asset_id,) = id_of("name", request.name, "assets")

        def work(connection: Connection) -> pb.PoolStatement:
            moment = read_moment(connection, request.as_of)
            shown = pool_statement(connection, asset_id, moment.seq)
            texts = [one.debtor for one in shown.stored.statement.debtors]
            return statement_message(shown, registered_ids(connection, texts, shown.stored.seq))

        return await self.runner.read(work)

    async def ListInvoices(self, request: pb.ListInvoicesRequest, context: ServicerContext) -> pb.ListInvoicesResponse:
        """Lists the invoices of a pool in the order of debtor and number."""
        wanted, page = filtered_page(request, "ListInvoices", 0, request.as_of, of_parent=_of_pool)
        (asset_id,) = id_of("parent", request.parent, "assets")

        def work(connection: Connection) -> pb.ListInvoicesResponse:
            moment = read_moment(connection, request.as_of)
            pool = explained_pool(connection, asset_id, moment.seq)
            selected = selected_invoices(connection, pool, wanted)
            rows, token = page.cut(selected.page(*page.bounds), lambda row: row + 1)
            return pb.ListInvoicesResponse(
                invoices=invoice_messages(connection, pool, rows),
                next_page_token=token,
                sequence=pool.stored.seq,
                sums=sums_message(selected.sums, pool.asset.currency),
            )

        return await self.runner.read(work)

    async def GetInvoice(self, request: pb.GetInvoiceRequest, context: ServicerContext) -> pb.Invoice:
        """Returns one invoice."""
        asset_id, *name = read_invoice_name("name", request.name)

        def work(connection: Connection) -> pb.Invoice:
            pool = explained_pool(connection, asset_id, read_moment(connection, request.as_of).seq)
            (found,) = invoice_messages(connection, pool, [row_of_invoice(pool, *name)])
            return found

        return await self.runner.read(work)

    async def ExplainInvoice(
        self, request: pb.ExplainInvoiceRequest, context: ServicerContext
    ) -> pb.InvoiceExplanation:
        """Explains one invoice, rule by rule."""
        asset_id, *name = read_invoice_name("name", request.name)

        def work(connection: Connection) -> pb.InvoiceExplanation:
            pool = explained_pool(connection, asset_id, read_moment(connection, request.as_of).seq)
            row = row_of_invoice(pool, *name)
            (invoice,) = invoice_messages(connection, pool, [row])
            return explanation_message(pool, row, invoice)

        return await self.runner.read(work)

    async def QuoteReceivablePool(
        self, request: pb.QuoteReceivablePoolRequest, context: ServicerContext
    ) -> pb.QuoteReceivablePoolResponse:
        """Values a pool from the entries of a request; records nothing."""
        wanted, now_us = read_quote(request), microseconds(self.runner.database.clock())

        def work(connection: Connection) -> pb.QuoteReceivablePoolResponse:
            quoted, (seq, _) = quote_pool_of_entries(connection, wanted, now_us), newest_commit(connection)
            return quote_message(request, quoted, registered_ids(connection, debtors_of(request, quoted), seq))

        return await self.runner.long_read(work)


def _of_pool(parent: str) -> Expression:
    """Checks the name of the pool with the other fields; every invoice that is listed is in it."""
    id_of("parent", parent, "assets")
    return EVERYTHING


def invoice_messages(connection: Connection, pool: ExplainedPool, rows: Sequence[int]) -> list[pb.Invoice]:
    """Returns the invoices in rows of the ladder of a pool as messages."""
    texts = {str(pool.ladder.pool.ledger.debtor[row]) for row in rows}
    registered = registered_ids(connection, texts, pool.stored.seq)
    return [invoice_message(pool, row, registered) for row in rows]
