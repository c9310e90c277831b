"""Values IP assets under stated assumptions, records their events and lists their renewal fees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from collateral_registry.commands.assets.register import change
from collateral_registry.commands.pipeline.stated_assets import checked_new_detail
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT
from collateral_registry.domain.assets.kinds import Asset, IntellectualProperty, Status
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, Value, matches
from collateral_registry.domain.filters.fields import Day, FieldType, Id, Number
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

_STARTED_BY = {LegalStatus.LAPSED: RightEventKind.LAPSED, LegalStatus.DISPUTED: RightEventKind.DISPUTED}
"""The event kind that starts each reversible legal status."""


def value_registered(connection: Connection, asset_id: str, question: RightQuestion) -> tuple[RightAnswer, str]:
    """Returns the valuation of a registered IP asset on the business date, and its currency.

    An asset that is lost, seized, doubly pledged or retired is worth 0 for that reason, as in the book.
    """
    stored = get_asset(connection, asset_id)
    ip = _ip_of(stored.asset)
    _, day = newest_commit(connection)
    cap = _policy_cap(connection, stored.asset.asset_class, day)
    stated = STATUS_ZERO.get(stored.asset.status, ZeroReason.NONE)
    return value_right(ip, _state(connection, stored), question, day, cap, stated), stored.asset.currency


def quote(connection: Connection, ip: IntellectualProperty, question: RightQuestion) -> RightAnswer:
    """Returns the valuation of an unregistered IP asset, with the cap that the policy sets for its kind.

    Raises InvalidInput where the registration of the IP asset would.
    """
    _, day = newest_commit(connection)
    ip = checked_new_detail(ip, day)
    state = RightState(
        status=ip.legal_status, licensed_exclusively=ip.licensed_exclusively, owned_share=float(ip.owned_share)
    )
    asset_class = f"{CLASS_ROOT[ip.kind]}.{ip.right_kind.name.lower()}"
    return value_right(ip, state, question, day, _policy_cap(connection, asset_class, day))


def _policy_cap(connection: Connection, asset_class: str, day: int) -> float:
    """Returns the cap of an asset class in the policy of a day; NaN if there is none."""
    cap = policy_in_force(connection, day).policy.numbers_of(asset_class).get("cap")
    return float("nan") if cap is None else float(cap.value)


def record_event(write: Write, asset_id: str, event: RightEvent, note: str) -> StoredIpEvent:
    """Records an event and updates the IP asset, its value and its loans in the same commit.

    Raises InvalidInput if the date is after the business date or before the newest event of the same kind of change.
    Also raises it if the event cannot follow the current state.
    """
    if day_of(event.day) > write.market_day:
        raise InvalidInput("right_event.date", event.day, f"not after the business date {date_at(write.market_day)}")
    stored = get_asset(write.connection, asset_id)
    ip = _ip_of(stored.asset)
    check_order(event, newest_of(write.connection, stored.key, same_strand(event.kind)))
    state = after(_state(write.connection, stored), event)
    change(write, asset_id, "", lambda asset: _changed(asset, state))
    text = checked_text("right_event.note", note, required=False)
    return insert_ip_event(write, stored.key, event.kind, day_of(event.day), event.owned_share, ip.legal_status, text)


def list_events(
    connection: Connection, asset_id: str, wanted: Expression, before_key: int, limit: int
) -> list[StoredIpEvent]:
    """Returns a page of the events of an IP asset, newest first."""
    stored = get_asset(connection, asset_id)
    _ip_of(stored.asset)
    return ip_events_of(connection, stored.key, wanted, before_key, limit)


@dataclass(frozen=True)
class ComingFee:
    """A renewal fee of a registered IP asset."""

    asset_id: str
    fee: Fee


FEE_FILTER: Mapping[str, FieldType] = {"asset": Id("assets"), "number": Number(), "due_date": Day(), "last_date": Day()}
"""Fields by which fees can be filtered."""


def coming_fees(
    connection: Connection, days_ahead: int, wanted: Expression = EVERYTHING
) -> tuple[list[ComingFee], list[str]]:
    """Returns the fees payable from the business date to ``days_ahead`` days later, in the order of their due dates.

    Only fees that match the filter, of IP assets in force or in dispute, are returned. The second result lists the IP
    assets whose fees are unknown. Either no fee calendar exists for their office and kind, or the date from which the
    calendar counts is missing.
    """
    _, day = newest_commit(connection)
    first, last = date_at(day), date_at(day + days_ahead)
    columns = ip_assets_with_fees(connection)
    names = ("asset_id", "right_kind", "office", "filing_day", "grant_day")
    found: list[ComingFee] = []
    without: list[str] = []
    for asset_id, kind, office, filing, grant in zip(*(columns[name].tolist() for name in names), strict=True):
        fees = _fees(office, RightKind(kind), _day(filing), _day(grant), first, last)
        if fees is None:
            without.append(asset_id)
        else:
            found += [ComingFee(asset_id, fee) for fee in fees if matches(wanted, _fields_of(asset_id, fee))]
    return sorted(found, key=lambda one: (one.fee.due, one.asset_id)), without


def _fields_of(asset_id: str, fee: Fee) -> dict[str, Value | None]:
    """Returns the values of the fields of FEE_FILTER."""
    due, last = day_of(fee.due), day_of(fee.last_day)
    return {"asset": asset_id, "number": fee.number, "due_date": due, "last_date": last}


def _fees(
    office: str, kind: RightKind, filing: date | None, grant: date | None, first: date, last: date
) -> list[Fee] | None:
    """Returns the fees; None if they cannot be determined."""
    if not has_calendar(office, kind):
        return None
    try:
        return fees_between(office, kind, filing, grant, first, last)
    except InvalidInput:
        return None


def _day(day: int) -> date | None:
    return None if day == NO_DAY else date_at(day)


def _ip_of(asset: Asset) -> IntellectualProperty:
    if not isinstance(asset.detail, IntellectualProperty):
        raise InvalidInput("name", f"assets/{asset.asset_id}", "an IP asset")
    return asset.detail


def _state(connection: Connection, stored: StoredAsset) -> RightState:
    """Returns the registered state of an IP asset, with its status before a recorded lapse or dispute."""
    ip = _ip_of(stored.asset)
    started_by = _STARTED_BY.get(ip.legal_status)
    return RightState(
        status=ip.legal_status,
        before=status_before(connection, stored.key, started_by) if started_by else LegalStatus.UNKNOWN,
        licensed_exclusively=ip.licensed_exclusively,
        pledged_elsewhere=stored.asset.status is Status.DOUBLE_PLEDGED,
        owned_share=float(ip.owned_share),
    )


def _changed(asset: Asset, state: RightState) -> Asset:
    """Returns the asset in a new state.

    An asset that is lost, seized or retired keeps that status even if it is pledged elsewhere.
    """
    ip = _ip_of(asset)
    status = asset.status
    if status in (Status.NORMAL, Status.DOUBLE_PLEDGED):
        status = Status.DOUBLE_PLEDGED if state.pledged_elsewhere else Status.NORMAL
    detail = replace(
        ip,
        legal_status=state.status,
        licensed_exclusively=state.licensed_exclusively,
        owned_share=Decimal(str(round(state.owned_share, 6))),
    )
    return replace(asset, detail=detail, status=status)
