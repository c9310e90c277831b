"""Records lenders' decisions on a breach (acknowledge, grant grace, waive), and builds its history from events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from collateral_registry.commands.pipeline.event_columns import event_columns
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, narrowed
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.breaches import LAST, list_breaches
from collateral_registry.store.loans.events import events_of_breaches, insert_events
from collateral_registry.store.loans.judgements import claims_of, insert_judgements, newest_judgements
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Breach:
    """A breach with its events, oldest first."""

    loan_id: str
    number: int
    borrower: str
    events: Sequence[dict[str, Any]]

    @property
    def first_event(self) -> int:
        """Number of the event that opened the breach."""
        return int(self.events[0]["event_seq"])

    @property
    def is_open(self) -> bool:
        """Whether the breach is open, that is not cured."""
        return all(event["kind"] != EventKind.CURED for event in self.events)

    @property
    def level(self) -> Level:
        """Current level. For a cured breach, this is the last level before the cure."""
        last = self.events[-1]
        return Level(last["level"] if self.is_open else last["level_before"])

    @property
    def worst_level(self) -> Level:
        """Worst level during the breach."""
        inside = [event["level"] for event in self.events if event["kind"] != EventKind.CURED]
        return Level(max(inside))

    @property
    def open_day(self) -> int:
        """Business date on which the breach opened."""
        return int(self._of(EventKind.OPENED)[0]["market_day"])

    @property
    def deadline_day(self) -> int:
        """Business date by which the breach must be cured."""
        set_days = [event["deadline_day"] for event in self.events if event["deadline_day"] != NO_DAY]
        return int(set_days[-1]) if set_days else NO_DAY

    @property
    def cure_day(self) -> int:
        """Business date of the cure; NO_DAY while the breach is open."""
        cured = self._of(EventKind.CURED)
        return int(cured[0]["market_day"]) if cured else NO_DAY

    @property
    def acknowledged(self) -> bool:
        """Whether a lender has acknowledged the breach."""
        return bool(self._of(EventKind.ACKNOWLEDGED))

    @property
    def waived(self) -> bool:
        """Whether the margin call is waived and the level has not worsened since."""
        for event in reversed(self.events):
            if event["kind"] in {EventKind.WAIVED, EventKind.ESCALATED}:
                return bool(event["kind"] == EventKind.WAIVED)
        return False

    def _of(self, kind: EventKind) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]


def breach_histories(
    connection: Connection, seq: int, wanted: Expression, before: int = LAST, limit: int | None = None
) -> list[Breach]:
    """Returns the breaches as of a commit with their events, newest first.

    Only breaches that began before the event numbered ``before`` are returned, at most ``limit`` of them.
    """
    heads = list_breaches(connection, seq, wanted, before, limit)
    events_by_breach: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in events_of_breaches(connection, [head["first_event"] for head in heads], seq):
        events_by_breach.setdefault((event["loan_key"], event["breach_number"]), []).append(event)
    return [
        Breach(head["loan_id"], number, head["borrower"], events_by_breach[head["loan_key"], number])
        for head in heads
        for number in [head["breach_number"]]
    ]


def get_breach(connection: Connection, seq: int, loan_id: str, number: int) -> Breach:
    """Returns one breach; raises NotFound."""
    wanted = narrowed(narrowed(EVERYTHING, "loan", loan_id), "number", number)
    found = breach_histories(connection, seq, wanted)
    if not found:
        raise NotFound(f"loans/{loan_id}/breaches/{number}")
    return found[0]


def acknowledge(write: Write, loan_id: str, number: int, note: str) -> None:
    """Records that a lender has seen an open breach."""
    cover = open_breach(write.connection, loan_id, number)
    _record(write, cover, EventKind.ACKNOWLEDGED, note)


def grant_grace(write: Write, loan_id: str, number: int, deadline: date, note: str) -> None:
    """Moves the deadline of an open breach to a later day. A missed deadline is cancelled."""
    cover = open_breach(write.connection, loan_id, number)
    before = int(cover["deadline_day"][0])
    if day_of(deadline) <= max(before, write.market_day):
        raise InvalidInput("deadline_date", deadline, f"later than {date_at(max(before, write.market_day))}")
    cover["deadline_day"][:] = day_of(deadline)
    cover["deadline_missed"][:] = 0
    _record(write, cover, EventKind.GRACE_GRANTED, note)


def waive(write: Write, loan_id: str, number: int, note: str) -> None:
    """Waives the margin call of an open breach until the breach worsens. A reason is required."""
    cover = open_breach(write.connection, loan_id, number)
    cover["waived"][:] = 1
    cover["deadline_missed"][:] = 0
    _record(write, cover, EventKind.WAIVED, checked_text("note", note))


def open_breach(connection: Connection, loan_id: str, number: int) -> Columns:
    """Returns the newest judgement of a loan that is in this breach; raises NotFound, and Refused if it is cured."""
    loan = get_loan(connection, loan_id)
    cover = newest_judgements(connection, np.array([loan.key], dtype=np.int64))
    known = int(cover["breach_number"][0]) if len(cover["breach_number"]) else 0
    if not 1 <= number <= known:
        raise NotFound(f"loans/{loan_id}/breaches/{number}")
    if number < known or not cover["breach_open"][0]:
        raise Refused("BREACH_CURED", f"loans/{loan_id}/breaches/{number} is cured: choose the open breach of the loan")
    return cover


def _record(write: Write, cover: Columns, kind: EventKind, note: str) -> None:
    """Appends the judgement that follows from a lender's decision, with its event.

    Collateral and claims are those of the previous judgement.
    """
    checked_text("actor", write.actor)
    checked_text("note", note, required=False)
    claims = claims_of(write.connection, int(cover["loan_key"][0]), int(cover["seq"][0]))
    state = {name: column for name, column in cover.items() if name != "seq"}
    before = int(cover["level"][0])
    state["level"] = state["judged"].copy() if not state["deadline_missed"][0] else state["level"]
    insert_judgements(write, state, claims)
    number = state["breach_number"]
    kinds, levels = np.array([int(kind)], dtype=np.int64), np.array([before], dtype=np.int64)
    insert_events(write, event_columns(state, kinds, levels, number, write, note))
