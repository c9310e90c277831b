"""What happens to a right, and what it is afterwards: status and encumbrances follow from the events in their order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from valuation.errors import InvalidInput
from valuation.ip.status import LegalStatus


class RightEventKind(IntEnum):
    """What happened to a right; the numbers are stored."""

    APPLIED = 1
    GRANTED = 2
    LAPSED = 3
    RESTORED = 4
    INVALIDATED = 5
    EXPIRED = 6
    DISPUTED = 7
    DISPUTE_SETTLED = 8
    LICENSED_EXCLUSIVELY = 9
    LICENCE_ENDED = 10
    PLEDGED_ELSEWHERE = 11
    PLEDGE_RELEASED = 12
    CO_OWNED = 13
    SOLE_OWNERSHIP = 14


@dataclass(frozen=True)
class RightEvent:
    """Something that happened on a day; ``owned_share`` is what the pledgor owns from then on, below 1 of CO_OWNED."""

    kind: RightEventKind
    day: date
    owned_share: float = 1.0

    def __post_init__(self) -> None:
        """Raises InvalidInput for a share outside 0 to 1, none of CO_OWNED, or one below 1 of another kind of event."""
        if not 0.0 < self.owned_share <= 1.0:
            raise InvalidInput("owned_share", self.owned_share, "more than 0, at most 1")
        if self.owned_share == 1.0 and self.kind is RightEventKind.CO_OWNED:
            raise InvalidInput("owned_share", self.owned_share, "below 1 for CO_OWNED")
        if self.owned_share < 1.0 and self.kind is not RightEventKind.CO_OWNED:
            raise InvalidInput("owned_share", self.owned_share, f"1 for {self.kind.name}")


@dataclass(frozen=True)
class RightState:
    """What a right is: its legal status, the status before a dispute or lapse, and what lies on it."""

    status: LegalStatus = LegalStatus.UNKNOWN
    before: LegalStatus = LegalStatus.UNKNOWN
    licensed_exclusively: bool = False
    pledged_elsewhere: bool = False
    owned_share: float = 1.0


FINAL = (LegalStatus.INVALIDATED, LegalStatus.EXPIRED)
"""Statuses that nothing ends: a right invalidated or expired does not come back."""

_NEW_STATUS = {
    RightEventKind.APPLIED: LegalStatus.PENDING,
    RightEventKind.GRANTED: LegalStatus.IN_FORCE,
    RightEventKind.LAPSED: LegalStatus.LAPSED,
    RightEventKind.INVALIDATED: LegalStatus.INVALIDATED,
    RightEventKind.EXPIRED: LegalStatus.EXPIRED,
    RightEventKind.DISPUTED: LegalStatus.DISPUTED,
}

_NEEDS_STATUS = {
    RightEventKind.APPLIED: (LegalStatus.UNKNOWN,),
    RightEventKind.GRANTED: (LegalStatus.UNKNOWN, LegalStatus.PENDING),
}
"""Statuses from which an event leads on: a lapse ends by a restoration only, a dispute by its settlement."""

_RETURNS_FROM = {
    RightEventKind.RESTORED: LegalStatus.LAPSED,
    RightEventKind.DISPUTE_SETTLED: LegalStatus.DISPUTED,
}
"""Events that bring back the status before, with the status they need."""

_STRANDS = (
    (*_NEW_STATUS, *_RETURNS_FROM),
    (RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED),
    (RightEventKind.PLEDGED_ELSEWHERE, RightEventKind.PLEDGE_RELEASED),
    (RightEventKind.CO_OWNED, RightEventKind.SOLE_OWNERSHIP),
)
"""Kinds of events that change the same thing; those of different strands do not touch each other."""


def after(state: RightState, event: RightEvent) -> RightState:
    """The state once an event has happened.

    Raises InvalidInput for what cannot follow: a status after the end, a grant of what is neither applied for nor
    unknown, an application for what is known, a restoration of what has not lapsed, a settlement of what is not
    disputed, a lapse or dispute twice.
    """
    kind = event.kind
    if kind in _RETURNS_FROM:
        needed = _RETURNS_FROM[kind]
        if state.status is not needed:
            raise InvalidInput("event", kind.name, f"a right that is {needed.name}; it is {state.status.name}")
        return replace(state, status=state.before, before=LegalStatus.UNKNOWN)
    if kind in _NEW_STATUS:
        return _with_status(state, event)
    return replace(
        state,
        licensed_exclusively=_switched(
            state.licensed_exclusively, kind, RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED
        ),
        pledged_elsewhere=_switched(
            state.pledged_elsewhere, kind, RightEventKind.PLEDGED_ELSEWHERE, RightEventKind.PLEDGE_RELEASED
        ),
        owned_share=_owned(state.owned_share, event),
    )


def same_strand(kind: RightEventKind) -> tuple[RightEventKind, ...]:
    """The kinds that change the same thing as a kind, itself among them: status, licence, pledge elsewhere or share."""
    return next(strand for strand in _STRANDS if kind in strand)


def check_order(event: RightEvent, newest: tuple[RightEventKind, date] | None) -> None:
    """Raises InvalidInput for an event dated before the newest kind and day that are recorded of its strand.

    What such an event would have changed was settled by the later one, so that it cannot lead to the state of today.
    """
    if newest is not None and event.day < newest[1]:
        raise InvalidInput("right_event.date", event.day, f"not before {newest[0].name} on {newest[1]}")


def _with_status(state: RightState, event: RightEvent) -> RightState:
    status = _NEW_STATUS[event.kind]
    if state.status in FINAL:
        raise InvalidInput("event", event.kind.name, f"no change: the right is {state.status.name} for good")
    needed = _NEEDS_STATUS.get(event.kind)
    if needed and state.status not in needed:
        names = " or ".join(one.name for one in needed)
        raise InvalidInput("event", event.kind.name, f"a right that is {names}; it is {state.status.name}")
    returning = status in _RETURNS_FROM.values()
    if returning and state.status is status:
        raise InvalidInput("event", event.kind.name, f"a right that is not {status.name} already")
    return replace(state, status=status, before=state.status if returning else LegalStatus.UNKNOWN)


def _switched(now: bool, kind: RightEventKind, on: RightEventKind, off: RightEventKind) -> bool:  # noqa: FBT001
    return {on: True, off: False}.get(kind, now)


def _owned(now: float, event: RightEvent) -> float:
    if event.kind is RightEventKind.CO_OWNED:
        return event.owned_share
    return 1.0 if event.kind is RightEventKind.SOLE_OWNERSHIP else now
