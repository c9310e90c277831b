"""Lists and shows breaches, and takes steps on them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from collateral_registry.cli.common.formatting import date_message, level_name, member_name, resource_name, to_decimal
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    LEVEL_STYLES,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    short_name,
    text,
)
from collateral_registry.cli.importing.messages import money
from collateral_registry.cli.loans.show_list import EVENTS, event_row
from collateral_registry.cli.reports.lists import BREACHES, breach_rows
from collateral_registry.v1 import breach_pb2 as pb, breach_pb2_grpc, business_date_pb2, business_date_pb2_grpc

Request = TypeVar("Request", bound=Message)

ORDERS = {"level": "level desc", "age": "open_date", "deadline": "deadline_date", "newest": ""}

WORKFLOW = Table(
    "breaches",
    (
        Column("loan", Kind.TEXT),
        Column("breach", Kind.COUNT, "no."),
        Column("borrower", Kind.TEXT, importance=Importance.USUAL),
        Column("level", Kind.CODE, styles=LEVEL_STYLES),
        Column("open_date", Kind.DATE, "opened", Importance.USUAL),
        Column("age_days", Kind.COUNT, "days\nopen", Importance.HIGH),
        Column("deadline_date", Kind.DATE, "deadline"),
        Column("days_left", Kind.COUNT, "days\nleft", Importance.HIGH),
        Column("waived_until", Kind.DATE, "waived\nuntil", Importance.USUAL),
        Column("standing", Kind.LABELS, importance=Importance.LOW),
        Column("next_steps", Kind.LABELS, "next steps", Importance.LOW),
    ),
)
CURES = Table(
    "cures",
    (
        Column("event", Kind.COUNT, "no."),
        Column("status", Kind.CODE),
        Column("asset", Kind.TEXT, importance=Importance.HIGH),
        Column("cash", Kind.AMOUNT, importance=Importance.HIGH),
        Column("lendable_value", Kind.AMOUNT, "lendable\nvalue", Importance.USUAL),
        Column("currency", Kind.CODE, "ccy", Importance.USUAL),
        Column("verdict", Kind.CODE),
        Column("remaining_cash", Kind.AMOUNT, "cash still\nneeded"),
        Column("remaining_collateral", Kind.AMOUNT, "or collateral\nvalue", Importance.LOW),
    ),
)


@dataclass(frozen=True)
class Offer:
    """A cure as a command states it: cash or an asset; with ``check`` it is tested only."""

    cash: str
    asset: str
    received: bool
    check: bool


def list_breaches(channel: grpc.Channel, filter_: str, order: str, limit: int, layout: Layout) -> None:
    """Shows a table of breaches in an order."""
    dates = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    today = day(dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest()).date)
    request = pb.ListBreachesRequest(filter=filter_, order_by=ORDERS[order])
    answer = fetch_all(_stub(channel).ListBreaches, request, "breaches", limit)

    def row(breach: pb.Breach) -> Row:
        opened, deadline = day(breach.open_date), day(breach.deadline_date)
        until = day(breach.cure_date) or today
        is_open = breach.state == pb.BREACH_STATE_OPEN
        return (
            breach.name.split("/")[1],
            int(breach.name.split("/")[3]),
            breach.borrower,
            level_name(breach.level),
            opened,
            (until - opened).days if until and opened else None,
            deadline,
            (deadline - today).days if is_open and today and deadline else None,
            day(breach.waiver_expire_date),
            _standing(breach),
            [pb.BreachStep.Name(step).removeprefix("BREACH_STEP_") for step in breach.next_steps],
        )

    show_table(WORKFLOW, ListedRows(map(row, answer.breaches)), layout)


def show_breach(channel: grpc.Channel, breach: str, layout: Layout) -> None:
    """Shows a breach with its history."""
    _show(_stub(channel).GetBreach(pb.GetBreachRequest(name=_name(breach))), layout)


def acknowledge(channel: grpc.Channel, breach: str, actor: str, note: str, layout: Layout) -> None:
    """Acknowledges a breach and shows it."""
    request = pb.AcknowledgeBreachRequest(name=_name(breach), actor=actor, note=note)
    _take(_stub(channel).AcknowledgeBreach, request, layout)


def add_note(channel: grpc.Channel, breach: str, actor: str, note: str, layout: Layout) -> None:
    """Records a note and shows the breach."""
    _take(_stub(channel).NoteBreach, pb.NoteBreachRequest(name=_name(breach), actor=actor, note=note), layout)


def dispute(channel: grpc.Channel, breach: str, actor: str, note: str, layout: Layout) -> None:
    """Records a dispute and shows the breach."""
    _take(_stub(channel).DisputeBreach, pb.DisputeBreachRequest(name=_name(breach), actor=actor, note=note), layout)


def settle(channel: grpc.Channel, breach: str, actor: str, note: str, outcome: str, layout: Layout) -> None:
    """Records how a dispute ended and shows the breach."""
    ended = pb.DisputeOutcome.Value(f"DISPUTE_OUTCOME_{outcome.upper()}")
    request = pb.SettleDisputeRequest(name=_name(breach), actor=actor, note=note, outcome=ended)
    _take(_stub(channel).SettleDispute, request, layout)


def grant_grace(channel: grpc.Channel, breach: str, actor: str, note: str, deadline: str, layout: Layout) -> None:
    """Moves the deadline and shows the breach."""
    last = date_message("deadline", deadline)
    request = pb.GrantGraceRequest(name=_name(breach), actor=actor, note=note, deadline_date=last)
    _take(_stub(channel).GrantGrace, request, layout)


def waive(channel: grpc.Channel, breach: str, actor: str, note: str, cause: str, until: str, layout: Layout) -> None:
    """Waives the margin call and shows the breach."""
    request = waiver_request(breach, note, cause, until)
    request.actor = actor
    _take(_stub(channel).WaiveBreach, request, layout)


def waiver_request(breach: str, note: str, cause: str, until: str) -> pb.WaiveBreachRequest:
    """Returns the waiver of a breach; raises ValueError for a name or a day of any other form."""
    reason = pb.WaiverReason.Value(f"WAIVER_REASON_{cause.replace('-', '_').upper()}")
    last = date_message("until", until)
    return pb.WaiveBreachRequest(name=_name(breach), note=note, reason=reason, expire_date=last)


def record_cure(channel: grpc.Channel, breach: str, actor: str, note: str, offer: Offer, layout: Layout) -> None:
    """Records a cure, or tests it only, and shows the breach with the result."""
    status = pb.CURE_STATUS_RECEIVED if offer.received else pb.CURE_STATUS_PROMISED
    request = pb.RecordCureRequest(name=_name(breach), actor=actor, note=note, status=status, validate_only=offer.check)
    if bool(offer.cash) == bool(offer.asset):
        raise ValueError("cash: got both or neither of --cash and --asset, want one of them")
    if offer.asset:
        request.asset = resource_name("assets", offer.asset)
    else:
        amount, _, currency = offer.cash.partition(" ")
        request.cash.CopyFrom(money(amount, currency.strip(), "cash"))
    _take(_stub(channel).RecordCure, request, layout)


def escalate(channel: grpc.Channel, breach: str, actor: str, note: str, layout: Layout) -> None:
    """Decides that the collateral is to be sold, and shows the breach."""
    request = pb.EscalateBreachRequest(name=_name(breach), actor=actor, note=note)
    _take(_stub(channel).EscalateBreach, request, layout)


def _take(method: Callable[[Request], pb.Breach], request: Request, layout: Layout) -> None:
    # gRPC retries repeat this id, so they are applied once; another run of the command has a new id.
    request.MergeFrom(type(request)(request_id=uuid.uuid4().hex))
    _show(method(request), layout)


def _show(breach: pb.Breach, layout: Layout) -> None:
    cures = [event for event in breach.history if event.HasField("cure")]
    below = [Section("History", EVENTS, ListedRows(map(event_row, breach.history)))]
    if cures:
        below.append(Section("Cures", CURES, ListedRows(map(_cure_row, cures))))
    show_table(BREACHES, ListedRows(breach_rows([breach])), layout, below=below)


def _cure_row(event: pb.BreachEvent) -> Row:
    cure = event.cure
    return (
        event.sequence,
        label(pb.CureStatus.Name(cure.status), "CURE_STATUS_"),
        short_name(cure.asset),
        to_decimal(cure.cash) if cure.HasField("cash") else None,
        to_decimal(cure.lendable_value),
        text(cure.lendable_value.currency_code),
        label(pb.CureVerdict.Name(cure.verdict), "CURE_VERDICT_"),
        to_decimal(cure.remaining_cash_cure),
        to_decimal(cure.remaining_collateral_cure),
    )


def _standing(breach: pb.Breach) -> list[str]:
    names = ("acknowledged", "disputed", "waived", "in_disposal")
    return [name.upper() for name in names if getattr(breach, name)]


def _name(given: str) -> str:
    loan, number = member_name("breaches", given, "1")
    return f"{loan}/breaches/{number}"


def _stub(channel: grpc.Channel) -> breach_pb2_grpc.BreachServiceStub:
    return breach_pb2_grpc.BreachServiceStub(channel)
