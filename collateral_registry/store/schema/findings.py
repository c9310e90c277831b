"""The table of findings."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, partial_index, text


class FindingRow(SQLModel, table=True):
    """A discrepancy with its evidence as JSON, open until it is resolved.

    The subject is one or more of asset, loan, warehouse and lot; the columns of the others are 0 or empty. At most one
    open finding has a given fingerprint.
    """

    __tablename__: ClassVar[str] = "finding"
    __table_args__ = (
        partial_index("finding_open", "fingerprint", where="state = 1", unique=True),
        Index("finding_in_state", "state", "finding_key"),
        Index("finding_in_warehouse", "warehouse", "finding_key"),
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
