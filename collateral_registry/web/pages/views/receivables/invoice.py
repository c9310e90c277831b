"""One invoice: its way from face amount to what it lends, its entries, and its assignment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from google.type.money_pb2 import Money

from collateral_registry.v1 import asset_pb2, assignment_pb2, invoice_feed_pb2, receivable_pb2 as pb
from collateral_registry.web.pages.numbers import calendar, identifier, value_of
from collateral_registry.web.pages.views.common.filters import conjunction, equals
from collateral_registry.web.pages.views.receivables.invoices import buckets_of
from collateral_registry.web.pages.views.receivables.ledger import (
    asset_of,
    days_between,
    fetch_debtors,
    fetch_merged,
    fetch_statement,
    fetch_valuation,
    invoices_address,
    moment_of,
    stated_names,
)
from collateral_registry.web.pages.visit import Page, Visit, invalid


@dataclass(frozen=True)
class Line:
    """A rule on the way of the invoice: what it says, what it takes, and what is left."""

    step: pb.InvoiceStep
    is_taking: bool


@dataclass(frozen=True)
class AssignmentEvent:
    """An event of an assignment that concerns the invoice."""

    assignment: str
    event: assignment_pb2.AssignmentEvent


async def invoice(visit: Visit) -> Page:
    """Returns the page of the invoice that debtor and number in the query of the address name."""
    asset, debtor, number = asset_of(visit), visit.query.get("debtor", ""), visit.query.get("number", "")
    if not (debtor and number):
        raise invalid("debtor, number: got one of them empty, want the debtor and the number of an invoice")
    services, call = visit.book.services, visit.book.call
    name = f"{asset}/debtors/{quote(debtor, safe='')}/invoices/{quote(number, safe='')}"
    owner, explained, statement = await asyncio.gather(
        call(services.assets.GetAsset, asset_pb2.GetAssetRequest(name=asset)),
        call(services.receivables.ExplainInvoice, pb.ExplainInvoiceRequest(name=name, as_of=visit.as_of)),
        fetch_statement(visit, asset),
    )
    found = explained.invoice
    registered, entries, valuation, assignments = await asyncio.gather(
        fetch_debtors(visit, {found.registered_debtor} - {""}),
        _entries(visit, statement, found),
        fetch_valuation(visit, statement),
        _assignments(visit, asset),
    )
    record = registered.get(found.registered_debtor)
    merged = (await fetch_merged(visit, [record.name]))[record.name] if record else []
    names = {debtor, *(name for one in (record, *merged) if one for name in stated_names(one))}
    lines = [Line(one, bool(value_of(one.taken_amount))) for one in explained.steps]
    values = {
        "asset": owner,
        "invoice": found,
        "explained": explained,
        "valuation": valuation,
        "is_open": bool(value_of(found.open_amount)),
        "settled": value_of(found.face_amount) - value_of(found.open_amount),
        "said": [one for one in lines if one.is_taking or one.step.verdict != pb.RULE_VERDICT_KEPT],
        "kept": [one.step for one in lines if not one.is_taking and one.step.verdict == pb.RULE_VERDICT_KEPT],
        "buckets": buckets_of(visit.texts, found),
        "days_late": days_between(found.due_date, statement.market_date) if value_of(found.open_amount) else None,
        "losses": value_of(found.recoverable_amount) - value_of(found.eligible_amount),
        "haircuts": value_of(found.lendable_amount) - value_of(found.recoverable_amount),
        "most": _most(found.eligible_amount, explained),
        "record": record,
        "entries": entries,
        "events": _events(assignments, found, statement, names),
        "others": invoices_address(visit, asset, filter=equals("debtor", found.debtor)),
    }
    return Page("invoice.html", "assets", values, moment_of(visit, statement))


def _most(eligible: Money, explained: pb.InvoiceExplanation) -> Decimal:
    """Returns the most that the advance rate lends of the eligible amount."""
    return value_of(eligible) * Decimal(explained.advance_rate.value or 0)


async def _entries(
    visit: Visit, statement: pb.PoolStatement, found: pb.Invoice
) -> Sequence[invoice_feed_pb2.RecordedInvoiceEntry]:
    """Returns the newest entries of an invoice that the statement includes, newest first."""
    selected = conjunction(
        equals("pool", identifier(statement.asset)),
        equals("debtor", found.debtor),
        equals("invoice_number", found.invoice_number),
        f"number <= {statement.entry_number}",
    )
    request = invoice_feed_pb2.ListInvoiceEntriesRequest(filter=selected)
    return await visit.book.rows(visit.book.services.invoice_feeds.ListInvoiceEntries, request, "entries")


async def _assignments(visit: Visit, asset: str) -> list[assignment_pb2.Assignment]:
    """Returns the assignments of a pool."""
    request = assignment_pb2.ListAssignmentsRequest(parent=asset)
    return await visit.book.rows(visit.book.services.assignments.ListAssignments, request, "assignments")


def _events(
    assignments: Sequence[assignment_pb2.Assignment], found: pb.Invoice, statement: pb.PoolStatement, names: set[str]
) -> list[AssignmentEvent]:
    """Returns the events of assignments up to the day of the statement that concern an invoice, newest first."""
    last = calendar(statement.market_date)
    concerning = [
        AssignmentEvent(one.name, event)
        for one in assignments
        for event in one.events
        if _concerns(event.scopes or _registered(one), names, found.invoice_number)
        and (day := calendar(event.date))
        and last
        and day <= last
    ]
    return sorted(concerning, key=lambda one: (calendar(one.event.date), one.event.create_time.ToNanoseconds()))[::-1]


def _registered(assignment: assignment_pb2.Assignment) -> list[assignment_pb2.InvoiceScope]:
    """Returns the scopes of all registrations of an assignment; none if one of them is of all invoices."""
    registered = [
        event.scopes for event in assignment.events if event.kind == assignment_pb2.ASSIGNMENT_EVENT_KIND_REGISTERED
    ]
    return [scope for scopes in registered for scope in scopes] if all(registered) else []


def _concerns(scopes: Sequence[assignment_pb2.InvoiceScope], names: set[str], number: str) -> bool:
    """Returns whether scopes, of which none stands for all, hold an invoice of a debtor."""
    own = [one for one in scopes if one.debtor.removeprefix("debtors/") in names]
    return not scopes or any(not one.invoice_numbers or number in one.invoice_numbers for one in own)
