"""Shows feeds of invoices, booked and rejected entries, and resolves rejected ones."""

from __future__ import annotations

import grpc

from collateral_registry.cli.common.formatting import resource_name, to_decimal
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    label,
    short_name,
    text,
    time,
)
from collateral_registry.v1 import invoice_feed_pb2 as pb, invoice_feed_pb2_grpc, stock_ledger_pb2

HIGH, USUAL, LOW, DETAIL = Importance.HIGH, Importance.USUAL, Importance.LOW, Importance.DETAIL

FEEDS = Table(
    "feeds",
    (
        Column("feed", Kind.TEXT),
        Column("last_sequence", Kind.COUNT, "last\nsequence"),
        Column("call_count", Kind.COUNT, "calls", USUAL),
        Column("open_rejection_count", Kind.COUNT, "not\nbooked"),
        Column("receive_time", Kind.TIME, "last received"),
    ),
)
ENTRIES = Table(
    "entries",
    (
        Column("feed", Kind.TEXT, importance=LOW),
        Column("pool", Kind.TEXT),
        Column("number", Kind.COUNT),
        Column("entry", Kind.TEXT, importance=LOW),
        Column("kind", Kind.CODE),
        Column("effective_time", Kind.TIME, "happened", USUAL),
        Column("known_time", Kind.TIME, "known", DETAIL),
        Column("debtor", Kind.TEXT, importance=HIGH),
        Column("invoice", Kind.TEXT),
        Column("amount", Kind.AMOUNT),
        Column("change", Kind.AMOUNT, importance=USUAL),
        Column("currency", Kind.CODE, importance=HIGH),
        Column("source", Kind.CODE, importance=LOW),
        Column("same_payment_number", Kind.COUNT, "same\npayment", LOW),
        Column("corrects", Kind.TEXT, importance=LOW),
        Column("document", Kind.TEXT, importance=DETAIL),
    ),
)
REJECTED = Table(
    "rejected entries",
    (
        Column("feed", Kind.TEXT),
        Column("number", Kind.COUNT),
        Column("entry", Kind.TEXT),
        Column("reason", Kind.TEXT),
        Column("description", Kind.TEXT),
        Column("state", Kind.CODE, importance=HIGH),
        Column("receive_time", Kind.TIME, "received", LOW),
        Column("resolve_time", Kind.TIME, "resolved", DETAIL),
        Column("resolver", Kind.TEXT, importance=LOW),
        Column("note", Kind.TEXT, importance=LOW),
    ),
)


def list_feeds(channel: grpc.Channel, limit: int, layout: Layout) -> None:
    """Shows a table of feeds."""
    stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    answer = fetch_all(stub.ListInvoiceFeeds, pb.ListInvoiceFeedsRequest(), "invoice_feeds", limit)
    rows = (
        (short_name(one.name), one.last_sequence, one.call_count, one.open_rejection_count, time(one.receive_time))
        for one in answer.invoice_feeds
    )
    show_table(FEEDS, ListedRows(rows), layout)


def list_entries(channel: grpc.Channel, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of booked entries."""
    stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    answer = fetch_all(stub.ListInvoiceEntries, pb.ListInvoiceEntriesRequest(filter=filter_), "entries", limit)
    show_table(ENTRIES, ListedRows(map(_entry_row, answer.entries)), layout)


def list_rejected(channel: grpc.Channel, feed: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of rejected entries."""
    stub = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel)
    request = pb.ListRejectedEntriesRequest(parent=resource_name("invoiceFeeds", feed or "-"), filter=filter_)
    answer = fetch_all(stub.ListRejectedEntries, request, "rejected_entries", limit)
    show_table(REJECTED, ListedRows(map(_rejected_row, answer.rejected_entries)), layout)


def resolve_rejected(channel: grpc.Channel, item: str, actor: str, note: str, layout: Layout, *, dismiss: bool) -> None:
    """Books or dismisses an entry and shows the result."""
    state = stock_ledger_pb2.REJECTION_STATE_DISMISSED if dismiss else stock_ledger_pb2.REJECTION_STATE_BOOKED
    parts = item.split("/")
    name = f"invoiceFeeds/{parts[0]}/rejectedEntries/{parts[1]}" if len(parts) == len(("feed", "number")) else item
    request = pb.ResolveRejectedEntryRequest(name=name, state=state, actor=actor, note=note)
    resolved = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel).ResolveRejectedEntry(request)
    show_table(REJECTED, ListedRows([_rejected_row(resolved)]), layout)


def _entry_row(one: pb.RecordedInvoiceEntry) -> Row:
    entry = one.entry
    has_amount = entry.HasField("amount")
    return (
        short_name(one.invoice_feed),
        short_name(entry.pool),
        one.number,
        entry.entry_id,
        label(pb.InvoiceEntryKind.Name(entry.kind), "INVOICE_ENTRY_KIND_"),
        time(entry.effective_time),
        time(one.known_time),
        entry.debtor.removeprefix("debtors/"),
        text(entry.invoice_number),
        to_decimal(entry.amount) if has_amount else None,
        to_decimal(one.change) if one.HasField("change") else None,
        entry.amount.currency_code if has_amount else None,
        label(pb.InvoiceEntrySource.Name(entry.source), "INVOICE_ENTRY_SOURCE_"),
        one.same_payment_number or None,
        text(entry.corrects),
        text(entry.document),
    )


def _rejected_row(one: pb.RejectedEntry) -> Row:
    return (
        one.name.split("/")[1],
        int(one.name.split("/")[3]),
        one.entry.entry_id,
        label(pb.EntryRejectionReason.Name(one.reason), "ENTRY_REJECTION_REASON_"),
        one.description,
        label(stock_ledger_pb2.RejectionState.Name(one.state), "REJECTION_STATE_"),
        time(one.receive_time),
        time(one.resolve_time),
        text(one.resolver),
        text(one.note),
    )
