"""Legal events of an IP asset, and the state that results from applying them in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from valuation.errors import InvalidInput
from valuation.ip.status import LegalStatus


class RightEventKind(IntEnum):
    """Kind of legal event; the numeric values are stored."""

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
    """Legal event on a day; ``owned_share`` is the pledgor's share from then on, below 1 only for CO_OWNED."""

    kind: RightEventKind
    day: date
    owned_share: float = 1.0

    def __post_init__(self) -> None:
        """Raises InvalidInput for a share outside (0, 1], or one that does not fit the kind.

        CO_OWNED needs a share below 1, and every other kind needs a share of 1.
        """
        if not 0.0 < self.owned_share <= 1.0:
            raise InvalidInput("owned_share", self.owned_share, "more than 0, at most 1")
        if self.owned_share == 1.0 and self.kind is RightEventKind.CO_OWNED:
            raise InvalidInput("owned_share", self.owned_share, "below 1 for CO_OWNED")
        if self.owned_share < 1.0 and self.kind is not RightEventKind.CO_OWNED:
            raise InvalidInput("owned_share", self.owned_share, f"1 for {self.kind.name}")


@dataclass(frozen=True)
class RightState:
    """State of an IP asset: legal status, status before a dispute or lapse, encumbrances and the pledgor's share."""

    status: LegalStatus = LegalStatus.UNKNOWN
    before: LegalStatus = LegalStatus.UNKNOWN
    licensed_exclusively: bool = False
    pledged_elsewhere: bool = False
    owned_share: float = 1.0


FINAL = (LegalStatus.INVALIDATED, LegalStatus.EXPIRED)
"""Final statuses: no event restores an invalidated or expired IP asset."""

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
"""Statuses that an event requires. Only a restoration ends a lapse, and only a settlement ends a dispute."""

_RETURNS_FROM = {
    RightEventKind.RESTORED: LegalStatus.LAPSED,
    RightEventKind.DISPUTE_SETTLED: LegalStatus.DISPUTED,
}
"""Events that restore the previous status, and the status that each of them requires."""

_STRANDS = (
    (*_NEW_STATUS, *_RETURNS_FROM),
    (RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED),
    (RightEventKind.PLEDGED_ELSEWHERE, RightEventKind.PLEDGE_RELEASED),
    (RightEventKind.CO_OWNED, RightEventKind.SOLE_OWNERSHIP),
)
"""Groups of event kinds that change the same property; events of different groups are independent."""


def after(state: RightState, event: RightEvent) -> RightState:
    """Returns the state after an event.

    Raises InvalidInput for an event that cannot follow the state. No status event may follow a final status. A lapse
    may not follow LAPSED, and a dispute may not follow DISPUTED. A grant requires the status PENDING or UNKNOWN, an
    application UNKNOWN, a restoration LAPSED, and a settlement DISPUTED.
    """
    kind = event.kind
    if kind in _RETURNS_FROM:
        needed = _RETURNS_FROM[kind]
        if state.status is not needed:
            raise InvalidInput("kind", kind.name, f"legal status {needed.name}; it is {state.status.name}")
        return replace(state, status=state.before, before=LegalStatus.UNKNOWN)
    if kind in _NEW_STATUS:
        return _with_status(state, event)
    return replace(
        state,
        licensed_exclusively=_switched(
            kind, RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED, now=state.licensed_exclusively
        ),
        pledged_elsewhere=_switched(
            kind, RightEventKind.PLEDGED_ELSEWHERE, RightEventKind.PLEDGE_RELEASED, now=state.pledged_elsewhere
        ),
        owned_share=_owned_share(state.owned_share, event),
    )


def same_strand(kind: RightEventKind) -> tuple[RightEventKind, ...]:
    """Returns the event kinds that change the same property as the given kind, including that kind.

    The properties are legal status, exclusive licence, pledge to another lender, and owned share.
    """
    return next(strand for strand in _STRANDS if kind in strand)


def check_order(event: RightEvent, newest: tuple[RightEventKind, date] | None) -> None:
    """Raises InvalidInput for an event dated before the newest recorded event (kind, day) of the same strand.

    The newest event already determines the current state, so an earlier one cannot change it.
    """
    if newest is not None and event.day < newest[1]:
        raise InvalidInput("right_event.date", event.day, f"not before {newest[0].name} on {newest[1]}")


def _with_status(state: RightState, event: RightEvent) -> RightState:
    status = _NEW_STATUS[event.kind]
    if state.status in FINAL:
        raise InvalidInput("kind", event.kind.name, f"no status event, because {state.status.name} is final")
    needed = _NEEDS_STATUS.get(event.kind)
    if needed and state.status not in needed:
        names = " or ".join(one.name for one in needed)
        raise InvalidInput("kind", event.kind.name, f"legal status {names}; it is {state.status.name}")
    reversible = status in _RETURNS_FROM.values()
    if reversible and state.status is status:
        raise InvalidInput("kind", event.kind.name, f"a legal status other than {status.name}")
    return replace(state, status=status, before=state.status if reversible else LegalStatus.UNKNOWN)


def _switched(kind: RightEventKind, on: RightEventKind, off: RightEventKind, *, now: bool) -> bool:
    return {on: True, off: False}.get(kind, now)


def _owned_share(now: float, event: RightEvent) -> float:
    if event.kind is RightEventKind.CO_OWNED:
        return event.owned_share
    return 1.0 if event.kind is RightEventKind.SOLE_OWNERSHIP else now
