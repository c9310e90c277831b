"""A pool of invoices on a real server, with its debtors, its assignment and a loan that it secures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import ParseDict

from collateral_registry.v1 import (
    asset_pb2,
    assignment_pb2,
    assignment_pb2_grpc,
    debtor_pb2,
    debtor_pb2_grpc,
    receivable_pb2 as pb,
    receivable_pb2_grpc,
)
from tests.support.invoicing import LedgerClient, invoice_entry
from tests.support.server import FIRST_DAY, Client, calendar

REPORTED = f"{FIRST_DAY}T00:00:00Z"
DEBTORS = ("delta", "globex", "hooli", "initech")


class PoolClient:
    """Calls about the pool ``acme`` of a loan that is registered with it."""

    def __init__(self, client: Client, loan_id: str = "loan-1") -> None:
        self.client, self.ledger = client, LedgerClient(client)
        self.pools = receivable_pb2_grpc.ReceivableServiceStub(client.channel)
        self.assignments = assignment_pb2_grpc.AssignmentServiceStub(client.channel)
        register_debtors(client, ("owner", *DEBTORS))
        register_pool(client, "acme")
        client.register_loan(loan_id)
        client.pledge(loan_id, "acme")

    def report(self, *entries: Any) -> pb.PoolStatement:
        """Reports entries and returns the statement that includes them."""
        before = self.entry_number()
        answer = self.ledger.record(*entries)
        assert not answer.rejected_items, answer
        for _ in range(500):
            if self.entry_number() >= before + len(entries):
                return self.statement()
            time.sleep(0.01)
        raise AssertionError("the entries were not applied")

    def statement(self, **as_of: Any) -> pb.PoolStatement:
        """Returns the statement of the pool at a moment."""
        request = ParseDict({"name": "assets/acme", "asOf": as_of}, pb.GetPoolStatementRequest())
        return self.pools.GetPoolStatement(request)

    def entry_number(self) -> int:
        """Returns the number of the newest entry that the statement includes."""
        return self.statement().entry_number

    def page(self, filter_: str = "", **fields: Any) -> pb.ListInvoicesResponse:
        """Returns a page of invoices with their sums."""
        request = ParseDict({"parent": "assets/acme", "filter": filter_, **fields}, pb.ListInvoicesRequest())
        return self.pools.ListInvoices(request)

    def invoices(self, filter_: str = "", **fields: Any) -> list[pb.Invoice]:
        """Lists invoices."""
        return list(self.page(filter_, **fields).invoices)

    def explain(self, name: str, **as_of: Any) -> pb.InvoiceExplanation:
        """Explains an invoice."""
        return self.pools.ExplainInvoice(ParseDict({"name": name, "asOf": as_of}, pb.ExplainInvoiceRequest()))


def open_invoice(number: int, units: int = 10_000, due: str = "2022-02-10", **fields: Any) -> Any:
    """Returns the entry of an invoice that every rule keeps."""
    debtor = DEBTORS[number % len(DEBTORS)]
    days = {"issue_date": _date("2021-12-20"), "delivery_date": _date("2021-12-20"), "due_date": _date(due)}
    own = {"debtor": f"debtors/{debtor}", "type_code": 380, "effective_time": REPORTED, **days}
    return invoice_entry(f"i-{number}", "INVOICE", units, str(number), **own | fields)


def payment(number: int, units: int = 10_000) -> Any:
    """Returns the entry of a payment of an invoice."""
    debtor = f"debtors/{DEBTORS[number % len(DEBTORS)]}"
    return invoice_entry(f"p-{number}", "PAYMENT", units, str(number), debtor=debtor, effective_time=REPORTED)


def _date(day: str) -> dict[str, int]:
    return dict(zip(("year", "month", "day"), map(int, day.split("-")), strict=True))


def register_debtors(client: Client, names: Sequence[str]) -> None:
    """Registers debtors, each a firm of no group."""
    stub = debtor_pb2_grpc.DebtorServiceStub(client.channel)
    for name in names:
        debtor = debtor_pb2.Debtor(display_name=name, country_code="US", independent=True, kind="DEBTOR_KIND_FIRM")
        stub.CreateDebtor(debtor_pb2.CreateDebtorRequest(debtor=debtor, debtor_id=name))


def register_pool(client: Client, pool_id: str, feed: str = "erp", **stated: str) -> None:
    """Registers a pool whose invoices are assigned to the lender, with notice to their debtors."""
    pool = asset_pb2.ReceivablePool(invoice_feed=f"invoiceFeeds/{feed}", owner_debtor="debtors/owner")
    own = {"asset_class": "receivable.trade", "currency_code": "USD", **stated}
    asset = asset_pb2.Asset(owner="Acme", receivable_pool=pool, **own)
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=pool_id))
    assignments = assignment_pb2_grpc.AssignmentServiceStub(client.channel)
    numbers: dict[str, dict[str, Any]] = {
        "REGISTERED": {"registry": "zdw", "registration_number": f"R-{pool_id}"},
        "NOTICE_DELIVERED": {},
    }
    for kind, fields in numbers.items():
        event = assignment_pb2.AssignmentEvent(kind=f"ASSIGNMENT_EVENT_KIND_{kind}", date=calendar(FIRST_DAY), **fields)
        name = f"assets/{pool_id}/assignments/a-1"
        request = assignment_pb2.RecordAssignmentEventRequest(name=name, event=event, actor="Ana")
        assignments.RecordAssignmentEvent(request)
    search = assignment_pb2.RegistrySearch(date=calendar(FIRST_DAY), registry="zdw")
    parent = f"assets/{pool_id}"
    assignments.RecordRegistrySearch(
        assignment_pb2.RecordRegistrySearchRequest(parent=parent, registry_search=search, actor="Ana")
    )
