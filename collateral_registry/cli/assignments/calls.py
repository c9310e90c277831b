"""Calls the server for the commands of assignments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.type.money_pb2 import Money

from collateral_registry.cli.common.client import print_line, print_message
from collateral_registry.cli.common.formatting import date_message, resource_name
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import Column, Importance, Kind, ListedRows, Row, Table, day, label, text
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import assignment_pb2 as pb, assignment_pb2_grpc

STATE, EVENT = "ASSIGNMENT_STATE_", "ASSIGNMENT_EVENT_KIND_"

ASSIGNMENTS = Table(
    "assignments",
    (
        Column("pool", Kind.TEXT),
        Column("assignment", Kind.TEXT),
        Column("state", Kind.CODE, styles={"REFUSED": "bold red", "EXPIRED": "bold yellow"}),
        Column("registry", Kind.TEXT, importance=Importance.USUAL),
        Column("registration_number", Kind.TEXT, "number", Importance.USUAL),
        Column("expire_date", Kind.DATE, "expires", Importance.HIGH),
        Column("events", Kind.COUNT, importance=Importance.LOW),
        Column("last_event", Kind.CODE, "last event", Importance.LOW),
    ),
)


@dataclass(frozen=True)
class EventFields:
    """The optional fields of an event as texts of the command line."""

    registry: str
    number: str
    expire: str
    amount: str
    account: str
    reason: str
    document: str
    set_off: bool


def list_assignments(channel: grpc.Channel, pool: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of assignments."""
    stub = assignment_pb2_grpc.AssignmentServiceStub(channel)
    parent = resource_name("assets", pool) if pool else ""
    request = pb.ListAssignmentsRequest(parent=parent, filter=filter_)
    answer = fetch_all(stub.ListAssignments, request, "assignments", limit)
    show_table(ASSIGNMENTS, ListedRows(map(_row, answer.assignments)), layout)


def _row(found: pb.Assignment) -> Row:
    _, pool, _, assignment = found.name.split("/")
    registrations = [one for one in found.events if one.kind == pb.ASSIGNMENT_EVENT_KIND_REGISTERED]
    newest, last = registrations[-1], found.events[-1]
    return (
        pool,
        assignment,
        label(pb.AssignmentState.Name(found.state), STATE),
        text(newest.registry),
        text(newest.registration_number),
        day(newest.registration_expire_date),
        len(found.events),
        label(pb.AssignmentEventKind.Name(last.kind), EVENT),
    )


def show_assignment(channel: grpc.Channel, pool: str, assignment: str) -> None:
    """Prints an assignment as JSON."""
    stub = assignment_pb2_grpc.AssignmentServiceStub(channel)
    print_message(stub.GetAssignment(pb.GetAssignmentRequest(name=_name(pool, assignment))))


def record_event(
    channel: grpc.Channel,
    pool: str,
    assignment: str,
    kind: str,
    date: str,
    actor: str,
    debtor: str,
    invoices: Sequence[str],
    fields: EventFields,
) -> None:
    """Records an event of an assignment; raises ValueError for an unknown kind or a malformed option."""
    known = [name.removeprefix(EVENT) for name in pb.AssignmentEventKind.DESCRIPTOR.values_by_name][1:]
    if kind.upper() not in known:
        raise ValueError(f"kind: got {kind[:40]!r}, want one of {', '.join(known)}")
    event = pb.AssignmentEvent(
        kind=pb.AssignmentEventKind.Value(EVENT + kind.upper()),
        date=date_message("--date", date),
        scopes=scopes_of(debtor, invoices),
        registry=fields.registry,
        registration_number=fields.number,
        registration_expire_date=date_message("--expire", fields.expire) if fields.expire else None,
        amount=amount_of("--amount", fields.amount) if fields.amount else None,
        set_off_reserved=fields.set_off,
        account=fields.account,
        reason=fields.reason,
        document=fields.document,
    )
    request = pb.RecordAssignmentEventRequest(
        name=_name(pool, assignment), event=event, actor=actor, request_id=uuid.uuid4().hex
    )
    recorded = assignment_pb2_grpc.AssignmentServiceStub(channel).RecordAssignmentEvent(request)
    print_line(f"{recorded.name} is {label(pb.AssignmentState.Name(recorded.state), STATE) or 'not assigned'}")


def exclude(
    channel: grpc.Channel, pool: str, actor: str, note: str, debtor: str, invoices: Sequence[str], expire: str
) -> None:
    """Excludes invoices of a pool and prints the name of the exclusion."""
    exclusion = pb.Exclusion(
        scopes=scopes_of(debtor, invoices),
        reason=note,
        expire_date=date_message("--expire", expire) if expire else None,
    )
    request = pb.ExcludeInvoicesRequest(
        parent=resource_name("assets", pool), exclusion=exclusion, actor=actor, request_id=uuid.uuid4().hex
    )
    print_line(assignment_pb2_grpc.AssignmentServiceStub(channel).ExcludeInvoices(request).name)


def readmit(channel: grpc.Channel, pool: str, number: int, actor: str, note: str) -> None:
    """Ends an exclusion."""
    name = f"{resource_name('assets', pool)}/exclusions/{number}"
    request = pb.EndExclusionRequest(name=name, actor=actor, note=note, request_id=uuid.uuid4().hex)
    print_line(f"{assignment_pb2_grpc.AssignmentServiceStub(channel).EndExclusion(request).name} is ended")


def scopes_of(debtor: str, invoices: Sequence[str]) -> list[pb.InvoiceScope]:
    """Returns the scopes of a debtor and its invoices; raises ValueError for invoices without a debtor."""
    if invoices and not debtor:
        raise ValueError("--invoice: got one without --debtor, want the debtor of the invoices")
    return [pb.InvoiceScope(debtor=debtor, invoice_numbers=invoices)] if debtor else []


def amount_of(option: str, written: str) -> Money:
    """Parses an amount with its currency; raises ValueError naming the option."""
    amount, _, currency = written.strip().partition(" ")
    found = money(amount, currency.strip(), option)
    if found is None or not currency.strip():
        raise ValueError(f"{option}: got {written[:40]!r}, want an amount with its currency, such as '1200.50 EUR'")
    return found


def _name(pool: str, assignment: str) -> str:
    return f"{resource_name('assets', pool)}/assignments/{assignment}"
