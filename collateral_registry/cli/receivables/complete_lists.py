"""Cancels the invoices of a pool that a complete list of its open invoices lacks."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import grpc

from collateral_partner.invoices.entries import Entry
from collateral_registry.cli.common.formatting import resource_name
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.domain.debtors.identifiers import normal_text
from collateral_registry.v1 import invoice_feed_pb2, invoice_feed_pb2_grpc, receivable_pb2, receivable_pb2_grpc

Invoice = tuple[str, str]
"""Normal text of the debtor, and number."""


def check_complete(entries: Sequence[Entry], pool: str) -> None:
    """Raises ValueError for entries that are not a list of open invoices of one pool."""
    if not entries:
        raise ValueError("--complete: got no open invoice, want at least one; an empty file cancels nothing")
    for one in entries:
        if one.kind != "INVOICE":
            raise ValueError(f"--complete: got a {one.kind} ({one.entry_id}), want a list of open invoices only")
        if one.pool != pool:
            raise ValueError(f"--complete: got an invoice of {one.pool or 'no pool'}, want those of --pool {pool}")


def cancelled(channel: grpc.Channel, feed: str, pool: str, listed: Sequence[Entry], document: str) -> list[Entry]:
    """Returns corrections to 0 of the open invoices of a pool that a list lacks, as its statement now has them.

    Raises ValueError for one that another feed reported, which this feed cannot correct, and grpc.RpcError if the
    server fails, or has no statement of the pool.
    """
    known = {(normal_text(one.debtor), one.number) for one in listed}
    missing = [one for one in _open_invoices(channel, pool) if _key(one.debtor, one.invoice_number) not in known]
    if not missing:
        return []
    reported = _reported(channel, feed, pool)
    foreign = [one for one in missing if _key(one.debtor, one.invoice_number) not in reported]
    if foreign:
        got = f"{foreign[0].invoice_number} of {foreign[0].debtor}, which feed {feed} did not report"
        raise ValueError(f"--complete: got no {got}, want it in the list, or a correction by its own feed")
    return [
        Entry(
            entry_id=f"cancel {entry_id}",
            kind="CORRECTION",
            happened=None,
            pool="",
            debtor="",
            amount=Decimal(0),
            currency=one.open_amount.currency_code,
            corrects=entry_id,
            document=f"not in the complete list {document}",
        )
        for one in missing
        if (entry_id := reported[_key(one.debtor, one.invoice_number)])
    ]


def _key(debtor: str, number: str) -> Invoice:
    return normal_text(debtor), number


def _open_invoices(channel: grpc.Channel, pool: str) -> Sequence[receivable_pb2.Invoice]:
    stub = receivable_pb2_grpc.ReceivableServiceStub(channel)
    request = receivable_pb2.ListInvoicesRequest(
        parent=resource_name("assets", pool), filter="state IN (OPEN, PART_PAID)"
    )
    found: Sequence[receivable_pb2.Invoice] = fetch_all(stub.ListInvoices, request, "invoices").invoices
    return found


def _reported(channel: grpc.Channel, feed: str, pool: str) -> dict[Invoice, str]:
    """Returns the ids of the entries by which a feed opened the invoices of a pool."""
    stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    request = invoice_feed_pb2.ListInvoiceEntriesRequest(
        filter=f'feed = "{feed}" AND pool = "{pool}" AND kind = INVOICE'
    )
    found = fetch_all(stub.ListInvoiceEntries, request, "entries").entries
    return {_key(one.entry.debtor, one.entry.invoice_number): one.entry.entry_id for one in found}
