"""Records what happens to the pools of receivables of the sample: entries of their ledgers, assignments, searches."""

from __future__ import annotations

import time
from collections.abc import Sequence

import grpc

from collateral_registry.cli.common.file_schemas import Row
from collateral_registry.cli.common.formatting import date_message
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    assignment_pb2,
    assignment_pb2_grpc,
    invoice_feed_pb2,
    invoice_feed_pb2_grpc,
    valuation_pb2,
    valuation_pb2_grpc,
)
from valuation.tables.reader import NumberedRow

ASSIGNMENT = "a-1"
"""Id of the assignment of each pool."""

ACTOR = "credit desk"
SEARCH = "SEARCH"
FEED = "invoiceFeeds/trade-platform"
"""A platform reports the ledgers of both borrowers, so that one call has the entries of a day."""

CHECK_SECONDS, VALUE_WAIT_SECONDS = 0.02, 120.0


def record_entries(channel: grpc.Channel, rows: Sequence[Row]) -> None:
    """Records entries of ledgers in one call, and waits until the book has followed them.

    The server applies entries to the book shortly after it acknowledged them. Waiting for it makes every day of the
    replay end with the same values. Entries that were recorded before have no effect. The request has no id, because
    the ids of the entries make a repeated call safe. Raises ValueError if an entry is rejected.
    """
    if not rows:
        return
    before = {pool: _newest_valuation(channel, pool) for pool in sorted({row["pool"] for row in rows})}
    entries = [invoice_entry(row) for row in rows]
    request = invoice_feed_pb2.RecordInvoiceEntriesRequest(invoice_feed=FEED, entries=entries)
    answer = invoice_feed_pb2_grpc.InvoiceFeedServiceStub(channel).RecordInvoiceEntries(request)
    for rejected in answer.rejected_items:
        raise ValueError(f"entry {rejected.entry_id}: {rejected.description}")
    for pool in {
        row["pool"] for row in rows[answer.known_count :]
    }:  # rows are recorded in order, so known ones are first
        _wait_for_value(channel, pool, before[pool])


def _newest_valuation(channel: grpc.Channel, pool: str) -> str:
    request = valuation_pb2.ListValuationsRequest(parent=f"assets/{pool}", page_size=1)
    found = valuation_pb2_grpc.ValuationServiceStub(channel).ListValuations(request).valuations
    return str(found[0].name) if found else ""


def _wait_for_value(channel: grpc.Channel, pool: str, before: str) -> None:
    """Waits until a pool has a newer valuation than ``before``; raises ValueError if it takes too long."""
    deadline = time.monotonic() + VALUE_WAIT_SECONDS
    while _newest_valuation(channel, pool) == before:
        if time.monotonic() > deadline:
            want = "a valuation with its newest entries"
            raise ValueError(f"assets/{pool}: got no valuation in {VALUE_WAIT_SECONDS:.0f} seconds, want {want}")
        time.sleep(CHECK_SECONDS)


def invoice_entry(row: Row) -> invoice_feed_pb2.InvoiceEntry:
    """Converts a row of ``invoices.csv``."""
    entry = invoice_feed_pb2.InvoiceEntry(
        entry_id=row["entry"],
        kind=f"INVOICE_ENTRY_KIND_{row['kind']}",
        pool=f"assets/{row['pool']}",
        debtor=row["debtor"] if ":" in row["debtor"] else f"debtors/{row['debtor']}",
        invoice_number=row["number"],
        type_code=int(row["type"] or 0),
        amount=money(row["amount"], row["currency"], "amount"),
        issue_date=date_message("issued", row["issued"]) if row["issued"] else None,
        due_date=date_message("due", row["due"]) if row["due"] else None,
        delivery_date=date_message("delivered", row["delivered"]) if row["delivered"] else None,
    )
    entry.effective_time.FromJsonString(row["time"])
    return entry


def record_assignment(channel: grpc.Channel, row: Row) -> None:
    """Records an event of an assignment or a search of the registry; a repeated one has no further effect."""
    stub = assignment_pb2_grpc.AssignmentServiceStub(channel)
    pool, day = f"assets/{row['pool']}", date_message("date", row["date"])
    if row["event"] == SEARCH:
        search = assignment_pb2.RegistrySearch(date=day, registry=row["registry"])
        found = assignment_pb2.RecordRegistrySearchRequest(parent=pool, registry_search=search, actor=ACTOR)
        stub.RecordRegistrySearch(with_request_id(found))
        return
    event = assignment_pb2.AssignmentEvent(
        kind=f"ASSIGNMENT_EVENT_KIND_{row['event']}",
        date=day,
        scopes=[assignment_pb2.InvoiceScope(debtor=row["debtor"])] if row["debtor"] else [],
        registry=row["registry"],
        registration_number=row["registry_number"],
        registration_expire_date=date_message("expiry", row["expiry"]) if row["expiry"] else None,
    )
    request = assignment_pb2.RecordAssignmentEventRequest(
        name=f"{pool}/assignments/{ASSIGNMENT}", event=event, actor=ACTOR
    )
    stub.RecordAssignmentEvent(with_request_id(request))


def registered(channel: grpc.Channel, rows: Sequence[NumberedRow]) -> list[NumberedRow]:
    """Returns the rows of pools that are registered; a book that an earlier version loaded has none."""
    stub = asset_pb2_grpc.AssetServiceStub(channel)
    found = {pool: _is_registered(stub, pool) for pool in sorted({row.values["pool"] for row in rows})}
    return [row for row in rows if found[row.values["pool"]]]


def _is_registered(stub: asset_pb2_grpc.AssetServiceStub, pool: str) -> bool:
    try:
        stub.GetAsset(asset_pb2.GetAssetRequest(name=f"assets/{pool}"))
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return False
        raise
    return True
