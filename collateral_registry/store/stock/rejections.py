"""Stores the resolutions of rejected feed items and lists the items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select, update

from collateral_registry.domain.stock.movements import Movements, RejectionReason, RejectionState, movement_of
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.filters import Condition, conditions
from collateral_registry.store.engine.rows import existing, from_row
from collateral_registry.store.schema.stock import StockFeedRow, StockRejectionRow

REJECTION_FILTERS = {
    "feed": StockFeedRow.source_id,
    "state": StockRejectionRow.state,
    "reason": StockRejectionRow.reason,
    "movement": StockRejectionRow.movement_id,
}
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


def list_rejections(
    connection: Connection, wanted: Sequence[Condition], before_key: int, limit: int
) -> list[StoredRejection]:
    """Returns a page of items, newest first."""
    where = [*conditions(REJECTION_FILTERS, wanted), StockRejectionRow.rejection_key < before_key]
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
