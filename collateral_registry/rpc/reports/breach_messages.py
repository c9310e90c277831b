"""Conversion of breaches and their events to messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collateral_registry.commands.reports.breaches import Breach
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.breach_steps import Cure, StepDetails, Waiver, WaiverReason
from collateral_registry.domain.loans.collateral import owed_of, pool_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import add_ltv, coverage_message, level_message
from collateral_registry.v1 import breach_pb2 as pb


def event_message(event: Mapping[str, Any]) -> pb.BreachEvent:
    """Returns an event of a breach as a message."""
    currency = event["currency"]
    loan = f"loans/{event['loan_id']}"
    message = pb.BreachEvent(
        sequence=event["event_seq"],
        kind=event["kind"],
        loan=loan,
        breach=f"{loan}/breaches/{event['breach_number']}" if event["breach_number"] else "",
        event_time=convert.timestamp(event["event_us"]),
        market_date=convert.day(event["market_day"]),
        actor=event["actor"],
        level_before=level_message(event["level_before"]),
        level=level_message(event["level"]),
        coverage=coverage_message(event["coverage_unknown"]),
        exposure=convert.money(event["exposure_minor"], currency),
        market_value=convert.money(event["market_minor"], currency),
        lendable_value=convert.money(event["lendable_minor"], currency),
        cash_cure=convert.money(event["cash_cure_minor"], currency),
        collateral_cure=convert.money(event["collateral_cure_minor"], currency),
        deadline_date=convert.day(event["deadline_day"]),
        note=event["note"],
        commit_sequence=event["seq"],
    )
    if event["base_minor"] != NO_BASE:
        message.used.CopyFrom(convert.money(event["used_minor"], currency))
        message.borrowing_base.CopyFrom(convert.money(event["base_minor"], currency))
    add_ltv(message, int(owed_of(event)), int(pool_of(event)))
    _add_details(message, event["details"], currency)
    return message


def _add_details(message: pb.BreachEvent, details: StepDetails, currency: str) -> None:
    """Sets what a person stated in the step of an event."""
    if details.waiver is not None:
        message.waiver_reason = pb.WaiverReason.ValueType(details.waiver.reason)
        message.waiver_expire_date.CopyFrom(convert.calendar_date(details.waiver.expire))
    if details.outcome is not None:
        message.dispute_outcome = pb.DisputeOutcome.ValueType(details.outcome)
    if details.cure is not None:
        message.cure.CopyFrom(_cure_message(details.cure, currency))


def _cure_message(cure: Cure, currency: str) -> pb.Cure:
    message = pb.Cure(
        status=int(cure.status),
        lendable_value=convert.money(cure.lendable_minor, currency),
        verdict=int(cure.verdict),
        remaining_cash_cure=convert.money(cure.remaining_cash_minor, currency),
        remaining_collateral_cure=convert.money(cure.remaining_collateral_minor, currency),
    )
    if cure.asset_id:
        message.asset = f"assets/{cure.asset_id}"
    else:
        message.cash.CopyFrom(convert.money(cure.cash_minor, currency))
    return message


def waiver_of(prefix: str, request: pb.WaiveBreachRequest) -> Waiver:
    """Returns the waiver that a request states; raises InvalidInput for every wrong field, after the prefix."""
    read = convert.read_all(
        reason=lambda: convert.member(f"{prefix}reason", WaiverReason, request.reason),
        expire=lambda: convert.required_date(f"{prefix}expire_date", request, "expire_date"),
    )
    return Waiver(**read)


def breach_message(breach: Breach, *, with_history: bool = True) -> pb.Breach:
    """Returns a breach as a message, with the events of its history unless ``with_history`` is false."""
    return pb.Breach(
        name=f"loans/{breach.loan_id}/breaches/{breach.number}",
        borrower=breach.borrower,
        state=pb.BREACH_STATE_OPEN if breach.is_open else pb.BREACH_STATE_CURED,
        level=level_message(breach.level),
        worst_level=level_message(breach.worst_level),
        open_date=convert.day(breach.open_day),
        deadline_date=convert.day(breach.deadline_day),
        cure_date=convert.day(breach.cure_day),
        acknowledged=breach.acknowledged,
        waived=breach.waived,
        history=[event_message(event) for event in breach.events] if with_history else [],
        next_steps=[pb.BreachStep.ValueType(step) for step in breach.standing.next_steps],
        disputed=breach.disputed,
        in_disposal=breach.in_disposal,
        waiver_expire_date=convert.calendar_date(breach.waiver.expire if breach.waiver else None),
    )
