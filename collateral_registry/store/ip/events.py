"""Stores events of IP assets and lists the IP assets with renewal fees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, select
from sqlmodel import col

from collateral_registry.domain.assets.kinds import Status
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Measure, Number, enum
from collateral_registry.domain.shared.days import date_at
from collateral_registry.store.engine.bulk import Columns, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.rows import from_row, insert_row, values_of
from collateral_registry.store.schema.assets import AssetRow, IntellectualPropertyRow, RightEventRow
from collateral_registry.store.schema.book import CommitRow
from valuation.ip.events import RightEventKind
from valuation.ip.status import LegalStatus


@dataclass(frozen=True)
class StoredIpEvent:
    """An event with its key, the legal status before it and the commit that stored it."""

    key: int
    kind: RightEventKind
    day: int
    owned_share: float
    status_before: LegalStatus
    note: str
    seq: int
    actor: str


def insert_ip_event(
    write: Write, asset_key: int, kind: RightEventKind, day: int, owned_share: float, status: LegalStatus, note: str
) -> StoredIpEvent:
    """Stores an event with the legal status before it."""
    event = StoredIpEvent(0, kind, day, owned_share, status, note, write.seq, write.actor)
    values = values_of(event, "kind", "day", "owned_share", "status_before", "note", "seq")
    return replace(event, key=insert_row(write.connection, RightEventRow, asset_key=asset_key, **values))


EVENT_FILTER = FilterTable(
    kind=FilterField(enum(RightEventKind, "RIGHT_EVENT_KIND_"), RightEventRow.kind),
    date=FilterField(Day(), RightEventRow.day),
    owned_share=FilterField(Measure(), RightEventRow.owned_share),
    sequence=FilterField(Number(), RightEventRow.seq),
)
"""Fields by which events can be filtered."""


def ip_events_of(
    connection: Connection, asset_key: int, wanted: Expression, before_key: int, limit: int
) -> list[StoredIpEvent]:
    """Returns a page of the events of an IP asset, newest first."""
    statement = _events(asset_key).where(EVENT_FILTER.where(wanted), RightEventRow.event_key < before_key).limit(limit)
    return [_stored(row) for row in connection.execute(statement)]


def status_before(connection: Connection, asset_key: int, kind: RightEventKind) -> LegalStatus:
    """Returns the legal status before the newest event of a kind; UNKNOWN if there was none."""
    statement = _events(asset_key).where(RightEventRow.kind == int(kind)).limit(1)
    row = connection.execute(statement).first()
    return LegalStatus.UNKNOWN if row is None else _stored(row).status_before


def newest_of(
    connection: Connection, asset_key: int, kinds: Sequence[RightEventKind]
) -> tuple[RightEventKind, date] | None:
    """Returns the kind and day of the latest event of the given kinds; None if there was none."""
    row = RightEventRow.__table__
    statement = (
        select(row.c.kind, row.c.day)
        .where(row.c.asset_key == asset_key, row.c.kind.in_([int(kind) for kind in kinds]))
        .order_by(row.c.day.desc(), row.c.event_key.desc())
        .limit(1)
    )
    found = connection.execute(statement).first()
    return None if found is None else (RightEventKind(found[0]), date_at(found[1]))


FEES_FALL_DUE = (int(LegalStatus.IN_FORCE), int(LegalStatus.DISPUTED))
"""Statuses in which renewal fees fall due; a dispute does not suspend them."""


def ip_assets_with_fees(connection: Connection) -> Columns:
    """Returns the id, kind, office and dates of the IP assets for which renewal fees fall due, ordered by id."""
    right = IntellectualPropertyRow
    statement = (
        select(AssetRow.asset_id, right.right_kind, right.office, right.filing_day, right.grant_day)
        .join(right, right.asset_key == AssetRow.asset_key)
        .where(col(right.legal_status).in_(FEES_FALL_DUE), AssetRow.status != int(Status.RETIRED))
        .order_by(AssetRow.asset_id)
    )
    return read_columns(connection, statement)


def _events(asset_key: int) -> Select[Any]:
    return (
        select(RightEventRow.__table__, CommitRow.actor)
        .join(CommitRow, col(CommitRow.seq) == RightEventRow.seq)
        .where(RightEventRow.asset_key == asset_key)
        .order_by(RightEventRow.event_key.desc())
    )


def _stored(row: Row[*tuple[Any, ...]]) -> StoredIpEvent:
    kind, status = RightEventKind(row.kind), LegalStatus(row.status_before)
    return from_row(StoredIpEvent, row, key=row.event_key, kind=kind, status_before=status)
