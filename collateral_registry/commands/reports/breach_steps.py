"""Records the steps that people take on a breach: each is an event, and what the step states is stored with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from collateral_registry.commands.pipeline.event_columns import event_columns
from collateral_registry.commands.reports.breaches import get_breach
from collateral_registry.commands.reports.cure_tests import CureOffer, tested_cure
from collateral_registry.domain.loans.breach_steps import (
    BreachStep,
    CureStatus,
    DisputeOutcome,
    StepDetails,
    Waiver,
)
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.breach_steps import insert_step
from collateral_registry.store.loans.events import insert_events, last_event
from collateral_registry.store.loans.judgements import claims_of, insert_judgements, newest_judgements
from collateral_registry.store.loans.repository import StoredLoan, get_loan
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class OpenBreach:
    """A breach that is open, with its loan and the newest judgement of the loan."""

    loan: StoredLoan
    number: int
    judgement: Columns
    level_before: int

    def cancel_missed_deadline(self) -> None:
        """Changes the judgement to one whose deadline was not missed: its level is that of the LTV."""
        self.judgement["deadline_missed"][:] = 0
        self.judgement["level"][:] = self.judgement["judged"]


def acknowledge(write: Write, loan_id: str, number: int, note: str) -> None:
    """Records that a lender has seen the breach."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.ACKNOWLEDGE)
    _record(write, breach, EventKind.ACKNOWLEDGED, note)


def add_note(write: Write, loan_id: str, number: int, note: str) -> None:
    """Records a note."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.NOTE)
    _record(write, breach, EventKind.NOTED, checked_text("note", note))


def dispute(write: Write, loan_id: str, number: int, note: str) -> None:
    """Records that the borrower disputes the breach; the reason is required."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.DISPUTE)
    _record(write, breach, EventKind.DISPUTED, checked_text("note", note))


def settle_dispute(write: Write, loan_id: str, number: int, note: str, outcome: DisputeOutcome) -> None:
    """Records how a dispute ended; the reason is required."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.SETTLE_DISPUTE)
    withdrawn = outcome is DisputeOutcome.WITHDRAWN
    kind = EventKind.DISPUTE_WITHDRAWN if withdrawn else EventKind.DISPUTE_SETTLED
    _record(write, breach, kind, checked_text("note", note), StepDetails(outcome=outcome))


def grant_grace(write: Write, loan_id: str, number: int, note: str, deadline: date) -> None:
    """Moves the deadline of a breach to a later day. A missed deadline is cancelled."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.GRANT_GRACE)
    state = breach.judgement
    before = int(state["deadline_day"][0])
    if day_of(deadline) <= max(before, write.market_day):
        raise InvalidInput("deadline_date", deadline, f"later than {date_at(max(before, write.market_day))}")
    state["deadline_day"][:] = day_of(deadline)
    breach.cancel_missed_deadline()
    _judge(write, breach)
    _record(write, breach, EventKind.GRACE_GRANTED, note)


def waive(write: Write, loan_id: str, number: int, note: str, waiver: Waiver) -> None:
    """Waives the margin call of a breach until the last day of the waiver, or until the breach worsens."""
    breach = waivable_breach(write.connection, loan_id, number, waiver)
    breach.judgement["waived"][:] = 1
    breach.cancel_missed_deadline()
    _judge(write, breach)
    _record(write, breach, EventKind.WAIVED, checked_text("note", note), StepDetails(waiver=waiver))


def record_cure(write: Write, loan_id: str, number: int, note: str, offer: CureOffer) -> None:
    """Records cash or collateral with the result of its test. Nothing else changes."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.RECORD_CURE)
    cure = tested_cure(write.connection, breach.loan, offer)
    kind = EventKind.CURE_PROMISED if offer.status is CureStatus.PROMISED else EventKind.CURE_RECEIVED
    _record(write, breach, kind, note, StepDetails(cure=cure))


def escalate(write: Write, loan_id: str, number: int, note: str) -> None:
    """Records that the collateral is to be sold; the reason is required."""
    breach = breach_at_step(write.connection, loan_id, number, BreachStep.ESCALATE)
    _record(write, breach, EventKind.ESCALATED_TO_DISPOSAL, checked_text("note", note))


def waivable_breach(connection: Connection, loan_id: str, number: int, waiver: Waiver) -> OpenBreach:
    """Returns a breach that may be waived so now; raises NotFound, Refused, and InvalidInput for its last day."""
    breach = breach_at_step(connection, loan_id, number, BreachStep.WAIVE)
    _, day = newest_commit(connection)
    waiver.check_on(date_at(day))
    return breach


def breach_at_step(connection: Connection, loan_id: str, number: int, step: BreachStep) -> OpenBreach:
    """Returns an open breach on which a step is allowed; raises NotFound, and Refused if it is not."""
    breach = open_breach(connection, loan_id, number)
    seq, _ = newest_commit(connection)
    name = f"loans/{loan_id}/breaches/{number}"
    get_breach(connection, seq, loan_id, number).standing.check(name, step)
    return breach


def open_breach(connection: Connection, loan_id: str, number: int) -> OpenBreach:
    """Returns the newest judgement of a loan that is in this breach; raises NotFound, and Refused if it is cured."""
    loan = get_loan(connection, loan_id)
    state = newest_judgements(connection, np.array([loan.key], dtype=np.int64))
    known = int(state["breach_number"][0]) if len(state["breach_number"]) else 0
    if not 1 <= number <= known:
        raise NotFound(f"loans/{loan_id}/breaches/{number}")
    if number < known or not state["breach_open"][0]:
        raise Refused("BREACH_CURED", f"loans/{loan_id}/breaches/{number} is cured: choose the open breach of the loan")
    return OpenBreach(loan, number, state, int(state["level"][0]))


def _judge(write: Write, breach: OpenBreach) -> None:
    """Appends the changed judgement of a breach. Collateral and claims are those of the previous judgement."""
    state = {name: column for name, column in breach.judgement.items() if name != "seq"}
    claims = claims_of(write.connection, breach.loan.key, int(breach.judgement["seq"][0]))
    insert_judgements(write, state, claims)


def _record(write: Write, breach: OpenBreach, kind: EventKind, note: str, details: StepDetails | None = None) -> None:
    """Appends the event of a step, with the level before and what the step states."""
    checked_text("actor", write.actor)
    checked_text("note", note, required=False)
    state = breach.judgement
    kinds, levels = np.array([int(kind)], dtype=np.int64), np.array([breach.level_before], dtype=np.int64)
    insert_events(write, event_columns(state, kinds, levels, state["breach_number"], write, note))
    if details is not None:
        insert_step(write, last_event(write.connection), breach.loan.key, details)
