"""The table of events of IP assets."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, real, text


class RightEventRow(SQLModel, table=True):
    """An event of an IP asset on a day, such as a lapse or a licence."""

    __tablename__: ClassVar[str] = "right_event"
    __table_args__ = (Index("right_event_asset", "asset_key", "event_key"),)
    event_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    kind: int = big()
    day: int = big()
    owned_share: float = real()
    status_before: int = big()
    note: str = text()
    seq: int = big()
