"""Stores the resolutions of rejected feed items and lists the items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Enum, Id, Number, Text, Time, enum
from collateral_registry.domain.stock.movements import Movements, RejectionReason, RejectionState, movement_of
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.filters import FilterField, FilterTable, unless
from collateral_registry.store.engine.rows import existing, from_row
from collateral_registry.store.schema.stock import StockFeedRow, StockRejectionRow

REJECTION_FILTER = FilterTable(
    feed=FilterField(Id("stockFeeds"), StockFeedRow.source_id),
    state=FilterField(
        Enum({one.name: int(one) for one in RejectionState if one is not RejectionState.REPEATED}, "REJECTION_STATE_"),
        StockRejectionRow.state,
    ),
    reason=FilterField(enum(RejectionReason, "REJECTION_REASON_"), StockRejectionRow.reason),
    movement=FilterField(Text(), StockRejectionRow.movement_id),
    sequence=FilterField(Number(), StockRejectionRow.sequence),
    receive_time=FilterField(Time(), StockRejectionRow.received_us),
    resolve_time=unless(Time(), StockRejectionRow.resolved_us, 0),
    resolver=FilterField(Text(), StockRejectionRow.resolved_by),
)
"""Fields by which rejected items can be filtered."""


@dataclass(frozen=True)
class StoredRejection:
    """An item that was not booked, with the reason and the resolution."""

    key: int
    source_id: str
    sequence: int
    batch_row: int
    movement: Movements
    reason: RejectionReason
    description: str
    received_us: int
    state: RejectionState
    resolved_us: int
    resolved_by: str
    note: str


def get_rejection(connection: Connection, source_id: str, key: int) -> StoredRejection:
    """Returns one item; raises NotFound."""
    where = [StockRejectionRow.rejection_key == key, StockFeedRow.source_id == source_id]
    return existing(_stored(connection, where, 1), f"stockFeeds/{source_id}/rejectedMovements/{key}")


def list_rejections(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredRejection]:
    """Returns a page of items, newest first."""
    where = [REJECTION_FILTER.where(wanted), StockRejectionRow.rejection_key < before_key]
    return _stored(connection, where, limit)


def settle_rejection(intake: Intake, key: int, state: RejectionState, actor: str, note: str) -> bool:
    """Stores the resolution of an open item; returns False and changes nothing if it is already resolved."""
    values = {"state": int(state), "resolved_us": intake.received_us, "resolved_by": actor, "note": note}
    is_open = StockRejectionRow.state == int(RejectionState.OPEN)
    statement = update(StockRejectionRow).where(StockRejectionRow.rejection_key == key, is_open).values(**values)
    return bool(intake.connection.execute(statement).rowcount)


def _stored(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int) -> list[StoredRejection]:
    statement = (
        select(StockRejectionRow.__table__, StockFeedRow.source_id)
        .join(StockFeedRow, StockFeedRow.source_key == StockRejectionRow.source_key)
        .where(*where, StockRejectionRow.state != int(RejectionState.REPEATED))
        .order_by(StockRejectionRow.rejection_key.desc())
        .limit(limit)
    )
    return [
        from_row(
            StoredRejection,
            row,
            key=row.rejection_key,
            movement=movement_of(json.loads(row.item)),
            reason=RejectionReason(row.reason),
            state=RejectionState(row.state),
        )
        for row in connection.execute(statement)
    ]
