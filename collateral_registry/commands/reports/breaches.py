"""Builds breaches with their histories from events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, narrowed
from collateral_registry.domain.loans.breach_steps import Standing, StepDetails, Waiver
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.breaches import START, BreachOrder, Position, list_breaches
from collateral_registry.store.loans.events import events_of_breaches


@dataclass(frozen=True)
class Breach:
    """A breach with its events, oldest first."""

    loan_id: str
    number: int
    borrower: str
    events: Sequence[dict[str, Any]]
    position: Position
    """Place in the order of the list that it was read from."""

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
        """Whether the margin call is waived: the waiver has not expired, and the level has not worsened since."""
        return self._newest(EventKind.WAIVED, EventKind.WAIVER_EXPIRED, EventKind.ESCALATED) == EventKind.WAIVED

    @property
    def waiver(self) -> Waiver | None:
        """The waiver in force; None without one, and for a waiver that an earlier release recorded."""
        if not self.waived:
            return None
        details: StepDetails = self._of(EventKind.WAIVED)[-1]["details"]
        return details.waiver

    @property
    def disputed(self) -> bool:
        """Whether the borrower disputes the breach."""
        ends = (EventKind.DISPUTE_SETTLED, EventKind.DISPUTE_WITHDRAWN)
        return self._newest(EventKind.DISPUTED, *ends) == EventKind.DISPUTED

    @property
    def in_disposal(self) -> bool:
        """Whether the collateral is to be sold."""
        return bool(self._of(EventKind.ESCALATED_TO_DISPOSAL))

    @property
    def standing(self) -> Standing:
        """What decides the steps that are allowed."""
        return Standing(
            is_open=self.is_open,
            level=self.level,
            acknowledged=self.acknowledged,
            disputed=self.disputed,
            waived=self.waived,
            in_disposal=self.in_disposal,
            has_deadline=self.deadline_day != NO_DAY,
        )

    def _newest(self, *kinds: EventKind) -> int | None:
        """Returns the kind of the newest event of one of these kinds."""
        return next((event["kind"] for event in reversed(self.events) if event["kind"] in kinds), None)

    def _of(self, kind: EventKind) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]


def breach_histories(
    connection: Connection,
    seq: int,
    wanted: Expression,
    order: BreachOrder = BreachOrder.NEWEST,
    after: Position = START,
    limit: int | None = None,
) -> list[Breach]:
    """Returns the breaches as of a commit with their events, in an order.

    Only breaches after the position ``after`` in that order are returned, at most ``limit`` of them.
    """
    heads = list_breaches(connection, seq, wanted, order, after, limit)
    events_by_breach: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in events_of_breaches(connection, [head["first_event"] for head in heads], seq):
        events_by_breach.setdefault((event["loan_key"], event["breach_number"]), []).append(event)
    return [
        Breach(
            head["loan_id"],
            number,
            head["borrower"],
            events_by_breach[head["loan_key"], number],
            (head["place"], head["first_event"]),
        )
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
