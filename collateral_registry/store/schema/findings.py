"""The table of findings."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, text


class FindingRow(SQLModel, table=True):
    """Something that does not agree, with its evidence as JSON, until somebody resolves it.

    The subject is whatever of asset, loan, warehouse and lot it is about (0 or empty for none). Of one fingerprint at
    most one finding is open.
    """

    __tablename__: ClassVar[str] = "finding"
    __table_args__ = (
        Index(
            "finding_open",
            "fingerprint",
            unique=True,
            sqlite_where=sql("state = 1"),
            postgresql_where=sql("state = 1"),
        ),
    )
    finding_key: int | None = big(primary_key=True, default=None)
    kind: int = big()
    severity: int = big()
    state: int = big()
    fingerprint: str = text()
    summary: str = text()
    evidence: str = text()
    asset_key: int = big(index=True)
    loan_key: int = big(index=True)
    warehouse: str = text()
    lot_key: int = big(index=True)
    created_seq: int = big()
    created_us: int = big()
    created_by: str = text()
    resolved_seq: int = big()
    resolved_us: int = big()
    resolved_by: str = text()
    note: str = text()
