"""Value rights under a question, record what happens to them, and list the fees that keep them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from collateral_registry.commands.assets.register import change
from collateral_registry.domain.assets.kinds import CLASS_ROOT, Asset, IntellectualProperty, Status
from collateral_registry.domain.ip.ip_valuation import RightAnswer, RightQuestion, value_right
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.domain.valuations.appraise import STATUS_ZERO
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.ip.events import (
    StoredIpEvent,
    insert_ip_event,
    ip_assets_with_fees,
    ip_events_of,
    newest_of,
    status_before,
)
from valuation.errors import InvalidInput
from valuation.flags import ZeroReason
from valuation.ip.events import RightEvent, RightEventKind, RightState, after, check_order, same_strand
from valuation.ip.fees import Fee, fees_between, has_calendar
from valuation.ip.legal_terms import RightKind
from valuation.ip.status import LegalStatus

_BEGAN = {LegalStatus.LAPSED: RightEventKind.LAPSED, LegalStatus.DISPUTED: RightEventKind.DISPUTED}
"""The event that a status which can be undone began with."""


def value_registered(connection: Connection, asset_id: str, question: RightQuestion) -> tuple[RightAnswer, str]:
    """The answer for a right of the register on the business date, and its currency.

    What is lost, seized, pledged twice or retired counts for nothing with that reason, as in the book.
    """
    stored = get_asset(connection, asset_id)
    right = _right(stored)
    _, day = newest_commit(connection)
    cap = _policy_cap(connection, stored.asset.asset_class, day)
    stated = STATUS_ZERO.get(stored.asset.status, ZeroReason.NONE)
    return value_right(right, _state(connection, stored), question, day, cap, stated), stored.asset.currency


def quote(connection: Connection, right: IntellectualProperty, question: RightQuestion) -> RightAnswer:
    """The answer for a right that is not registered, under the policy's cap of its kind."""
    _, day = newest_commit(connection)
    state = RightState(
        status=right.legal_status,
        licensed_exclusively=right.licensed_exclusively,
        owned_share=float(right.owned_share),
    )
    asset_class = f"{CLASS_ROOT[right.kind]}.{right.right_kind.name.lower()}"
    return value_right(right, state, question, day, _policy_cap(connection, asset_class, day))


def _policy_cap(connection: Connection, asset_class: str, day: int) -> float:
    """The cap of a class by the policy of a day; NaN where it has none."""
    cap = policy_in_force(connection, day).policy.numbers_of(asset_class).get("cap")
    return float("nan") if cap is None else float(cap.value)


def record_event(write: Write, asset_id: str, event: RightEvent, note: str) -> StoredIpEvent:
    """Records an event and changes the right by it, its value and its loans in the same commit.

    Raises InvalidInput for a day after the business date or before the newest event that changed the same thing, or
    for what cannot follow the state of the right.
    """
    if day_of(event.day) > write.market_day:
        raise InvalidInput("right_event.date", event.day, f"not after the business date {date_at(write.market_day)}")
    stored = get_asset(write.connection, asset_id)
    right = _right(stored)
    check_order(event, newest_of(write.connection, stored.key, same_strand(event.kind)))
    state = after(_state(write.connection, stored), event)
    change(write, asset_id, "", lambda asset: _changed(asset, state))
    text = checked_text("right_event.note", note, required=False)
    return insert_ip_event(
        write, stored.key, event.kind, day_of(event.day), event.owned_share, right.legal_status, text
    )


def list_events(connection: Connection, asset_id: str, before_key: int, limit: int) -> list[StoredIpEvent]:
    """A page of what happened to a right, newest first."""
    stored = get_asset(connection, asset_id)
    _right(stored)
    return ip_events_of(connection, stored.key, before_key, limit)


@dataclass(frozen=True)
class ComingFee:
    """A fee of a right of the register."""

    asset_id: str
    fee: Fee


def coming_fees(connection: Connection, days_ahead: int) -> tuple[list[ComingFee], list[str]]:
    """Fees that can be paid from the business date to some days later, in the order they are due.

    They are those of rights in force or disputed.

    Second, the rights whose office and kind have no calendar, or which lack the day it counts from.
    """
    _, day = newest_commit(connection)
    first, last = date_at(day), date_at(day + days_ahead)
    rights = ip_assets_with_fees(connection)
    names = ("asset_id", "right_kind", "office", "filing_day", "grant_day")
    found: list[ComingFee] = []
    without: list[str] = []
    for asset_id, kind, office, filing, grant in zip(*(rights[name].tolist() for name in names), strict=True):
        fees = _fees(office, RightKind(kind), _day(filing), _day(grant), first, last)
        if fees is None:
            without.append(asset_id)
        else:
            found += [ComingFee(asset_id, fee) for fee in fees]
    return sorted(found, key=lambda one: (one.fee.due, one.asset_id)), without


def _fees(
    office: str, kind: RightKind, filing: date | None, grant: date | None, first: date, last: date
) -> list[Fee] | None:
    """The fees; none where nobody can tell."""
    if not has_calendar(office, kind):
        return None
    try:
        return fees_between(office, kind, filing, grant, first, last)
    except InvalidInput:
        return None


def _day(day: int) -> date | None:
    return None if day == NO_DAY else date_at(day)


def _right(stored: StoredAsset) -> IntellectualProperty:
    detail = stored.asset.detail
    if not isinstance(detail, IntellectualProperty):
        raise InvalidInput("name", f"assets/{stored.asset.asset_id}", "a right")
    return detail


def _state(connection: Connection, stored: StoredAsset) -> RightState:
    """What the register says the right is, with the status before a lapse or dispute that was told as an event."""
    right = _right(stored)
    began = _BEGAN.get(right.legal_status)
    return RightState(
        status=right.legal_status,
        before=status_before(connection, stored.key, began) if began else LegalStatus.UNKNOWN,
        licensed_exclusively=right.licensed_exclusively,
        pledged_elsewhere=stored.asset.status is Status.DOUBLE_PLEDGED,
        owned_share=float(right.owned_share),
    )


def _changed(asset: Asset, state: RightState) -> Asset:
    """The asset in a state of its right; what is lost, seized or retired stays so, whoever else it is pledged to."""
    right = asset.detail
    if not isinstance(right, IntellectualProperty):
        raise InvalidInput("name", f"assets/{asset.asset_id}", "a right")
    status = asset.status
    if status in (Status.NORMAL, Status.DOUBLE_PLEDGED):
        status = Status.DOUBLE_PLEDGED if state.pledged_elsewhere else Status.NORMAL
    detail = replace(
        right,
        legal_status=state.status,
        licensed_exclusively=state.licensed_exclusively,
        owned_share=Decimal(str(round(state.owned_share, 6))),
    )
    return replace(asset, detail=detail, status=status)
