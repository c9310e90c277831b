"""Stores pick-up authorisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, EncodedName, Id, Number, Text, Time, enum
from collateral_registry.domain.loans.pickups import Pickup, PickupState
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import check_unused, existing, from_row, values_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow, PickupRow
from valuation._typing import Int
from valuation.money import PPM

PICKUP_FILTER = FilterTable(
    asset=FilterField(Id("assets"), AssetRow.asset_id),
    loan=FilterField(Id("loans"), LoanRow.loan_id),
    warehouse=FilterField(EncodedName("warehouses"), AssetRow.place),
    state=FilterField(enum(PickupState, "PICKUP_STATE_"), PickupRow.state),
    quantity=FilterField(Number(PPM), PickupRow.quantity),
    taken_quantity=FilterField(Number(PPM), PickupRow.taken),
    unit=FilterField(Text(), PickupRow.unit),
    expire_date=FilterField(Day(), PickupRow.expire_day),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which pick-ups can be filtered."""


@dataclass(frozen=True)
class StoredPickup:
    """An authorisation with its keys, warehouse and time of creation."""

    key: int
    loan_key: int
    asset_key: int
    warehouse: str
    pickup: Pickup
    created_us: int


def insert_pickup(write: Write, pickup: Pickup, loan_key: int, asset_key: int) -> None:
    """Stores an authorisation; raises AlreadyExists if the loan has one with that id."""
    own = (PickupRow.loan_key == loan_key, PickupRow.pickup_id == pickup.pickup_id)
    check_unused(write.connection, f"loans/{pickup.loan_id}/pickups/{pickup.pickup_id}", *own)
    values = {**_row(pickup), "pickup_id": pickup.pickup_id, "loan_key": loan_key, "asset_key": asset_key}
    write.connection.execute(insert(PickupRow).values(**values, created_seq=write.seq, updated_seq=write.seq))


def update_pickup(write: Write, stored: StoredPickup, pickup: Pickup) -> StoredPickup:
    """Stores a changed authorisation."""
    values = {**_row(pickup), "updated_seq": write.seq}
    write.connection.execute(update(PickupRow).where(PickupRow.pickup_key == stored.key).values(**values))
    return replace(stored, pickup=pickup)


def get_pickup(connection: Connection, loan_id: str, pickup_id: str) -> StoredPickup:
    """Returns one authorisation; raises NotFound."""
    rows = _pickups(connection, [LoanRow.loan_id == loan_id, PickupRow.pickup_id == pickup_id], 1)
    return existing(rows, f"loans/{loan_id}/pickups/{pickup_id}")


def list_pickups(connection: Connection, wanted: Expression, after_key: int, limit: int) -> list[StoredPickup]:
    """Returns a page of authorisations, oldest first."""
    return _pickups(connection, [PICKUP_FILTER.where(wanted), PickupRow.pickup_key > after_key], limit)


def pickups_of(connection: Connection, asset_keys: Int) -> dict[int, list[StoredPickup]]:
    """Returns, by asset, the authorised and expired pick-ups with which issues can be matched, ordered by expiry."""
    found: dict[int, list[StoredPickup]] = {}
    rows = [_stored(row) for row in connection.execute(_ISSUABLE, {"keys": asset_keys})]
    for row in sorted(rows, key=lambda row: (row.pickup.expire, row.key)):
        found.setdefault(row.asset_key, []).append(row)
    return found


_PICKUPS = (
    select(PickupRow.__table__, AssetRow.asset_id, AssetRow.place, LoanRow.loan_id, CommitRow.known_us)
    .join(AssetRow, AssetRow.asset_key == PickupRow.asset_key)
    .join(LoanRow, LoanRow.loan_key == PickupRow.loan_key)
    .join(CommitRow, CommitRow.seq == PickupRow.created_seq)
    .order_by(PickupRow.pickup_key)
)

_ISSUABLE = _PICKUPS.where(
    is_one_of(PickupRow.asset_key, KEYS), PickupRow.state.in_([int(PickupState.AUTHORISED), int(PickupState.EXPIRED)])
)


def ended_pickups(connection: Connection, day: int) -> list[StoredPickup]:
    """Returns the authorisations still marked as authorised whose last day was before ``day``."""
    where = [PickupRow.state == int(PickupState.AUTHORISED), PickupRow.expire_day < day]
    return _pickups(connection, where, None)


def count_expired_between(connection: Connection, after: int, seq: int) -> int:
    """Returns the number of authorisations that ended by their last day after a commit and before commit ``seq``."""
    ended = (PickupRow.state == int(PickupState.EXPIRED), PickupRow.updated_seq > after, PickupRow.updated_seq < seq)
    return int(connection.execute(select(func.count()).select_from(PickupRow).where(*ended)).scalar_one())


def leaving_of(connection: Connection, asset_keys: Sequence[int]) -> dict[int, int]:
    """Returns, by asset, the authorised quantity that has not been picked up yet, in millionths."""
    return {row[0]: int(row[1]) for row in connection.execute(_LEAVING, {"keys": asset_keys})}


_LEAVING = (
    select(PickupRow.asset_key, func.sum(PickupRow.quantity - PickupRow.taken))
    .where(is_one_of(PickupRow.asset_key, KEYS), PickupRow.state == int(PickupState.AUTHORISED))
    .group_by(PickupRow.asset_key)
)


def peak_exposure(connection: Connection, loan_key: int, since_seq: int) -> int:
    """Returns a loan's largest exposure, in minor units, in its judgements since a commit; 0 if there are none."""
    statement = select(func.coalesce(func.max(LoanJudgementRow.exposure_minor), 0)).where(
        LoanJudgementRow.loan_key == loan_key, LoanJudgementRow.seq >= since_seq
    )
    return int(connection.execute(statement).scalar_one())


def _pickups(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredPickup]:
    return [_stored(row) for row in connection.execute(_PICKUPS.where(*where).limit(limit))]


def _stored(row: Row[Any]) -> StoredPickup:
    pickup = from_row(Pickup, row, expire=date_at(row.expire_day), state=PickupState(row.state))
    return StoredPickup(row.pickup_key, row.loan_key, row.asset_key, row.place, pickup, row.known_us)


def _row(pickup: Pickup) -> dict[str, Any]:
    names = ("quantity", "taken", "unit", "state", "note")
    return {**values_of(pickup, *names), "expire_day": day_of(pickup.expire)}
