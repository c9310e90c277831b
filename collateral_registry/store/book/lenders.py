"""Reads the lender of a book, which the commit that recorded it has as its actor."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlmodel import col

from collateral_registry.store.schema.book import CommitRow

RECORDING = "RecordLender"
"""Kind of the commit that records the lender."""


def recorded_lender(connection: Connection, before: int | None = None) -> str | None:
    """Returns the lender of a book; None if no commit, or none before a given one, has recorded it."""
    earlier = [] if before is None else [CommitRow.seq < before]
    return connection.execute(_RECORDED.where(*earlier)).scalar()


_RECORDED = select(col(CommitRow.actor)).where(CommitRow.kind == RECORDING).order_by(col(CommitRow.seq)).limit(1)
