"""Tables of the audit log: an entry for each commit, signed checkpoints, and the chains of feeds."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from collateral_registry.store.schema.assets import AssetRow, IdentityCorrectionRow, RightEventRow
from collateral_registry.store.schema.assignments import (
    AssignmentEventRow,
    AssignmentRow,
    ContractTermsRow,
    DebtorLimitRow,
    InvoiceExclusionRow,
    PeriodClosingRow,
    RegistrySearchRow,
    VerificationAnswerRow,
    VerificationRow,
)
from collateral_registry.store.schema.book import ProposalRow, RequestRow
from collateral_registry.store.schema.borrowing_base import CertificateRow, ReserveRow
from collateral_registry.store.schema.columns import big, text
from collateral_registry.store.schema.debtors import DebtorIdentifierRow, DebtorRow
from collateral_registry.store.schema.equipment import AppraisalRow
from collateral_registry.store.schema.findings import FindingRow
from collateral_registry.store.schema.loans import LoanRow, OverrideRow, PickupRow, PledgeRevisionRow, PledgeRow
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.store.schema.stock import WarehouseReliabilityRow
from collateral_registry.store.schema.valuations import PoolEstimateRow


class AuditEntryRow(SQLModel, table=True):
    """The entry of a commit, with the digests of its facts as JSON. What the commit itself states is not repeated."""

    __tablename__: ClassVar[str] = "audit_entry"
    seq: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    principal: str = text()
    request: str = text()
    facts: str = text()
    previous: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)


class AuditCheckpointRow(SQLModel, table=True):
    """A signed checkpoint of the first ``size`` entries."""

    __tablename__: ClassVar[str] = "audit_checkpoint"
    size: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    note: str = text()


class AuditLinkRow(SQLModel, table=True):
    """A link in the chain of a feed: the batches of the feed that were stored together.

    ``feed`` is the table of the feed. ``batches`` and ``items`` are digests of the stored rows.
    """

    __tablename__: ClassVar[str] = "audit_link"
    feed: str = text(primary_key=True)
    source_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    link: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    batches: bytes = Field(sa_type=LargeBinary)
    items: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)


class AuditHeadRow(SQLModel, table=True):
    """The last link of a feed that an entry states."""

    __tablename__: ClassVar[str] = "audit_head"
    feed: str = text(primary_key=True)
    source_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    link: int = big()


ROWS_OF_COMMITS: tuple[tuple[type[SQLModel], str], ...] = (
    (AppraisalRow, "seq"),
    (AssetRow, "created_seq"),
    (AssignmentEventRow, "seq"),
    (AssignmentRow, "created_seq"),
    (CertificateRow, "created_seq"),
    (CertificateRow, "updated_seq"),
    (ContractTermsRow, "seq"),
    (DebtorIdentifierRow, "created_seq"),
    (DebtorIdentifierRow, "ended_seq"),
    (DebtorLimitRow, "seq"),
    (DebtorLimitRow, "ended_seq"),
    (DebtorRow, "created_seq"),
    (FindingRow, "resolved_seq"),
    (IdentityCorrectionRow, "seq"),
    (InvoiceExclusionRow, "seq"),
    (InvoiceExclusionRow, "ended_seq"),
    (LoanRow, "created_seq"),
    (OverrideRow, "proposed_seq"),
    (OverrideRow, "decided_seq"),
    (PeriodClosingRow, "seq"),
    (PickupRow, "created_seq"),
    (PickupRow, "updated_seq"),
    (PledgeRevisionRow, "seq"),
    (PledgeRow, "created_seq"),
    (PoolEstimateRow, "seq"),
    (PriceSeriesRow, "created_seq"),
    (ProposalRow, "proposed_seq"),
    (ProposalRow, "decided_seq"),
    (RegistrySearchRow, "seq"),
    (RequestRow, "seq"),
    (ReserveRow, "created_seq"),
    (ReserveRow, "ended_seq"),
    (RightEventRow, "seq"),
    (VerificationAnswerRow, "seq"),
    (VerificationRow, "seq"),
    (WarehouseReliabilityRow, "seq"),
)
"""Columns by which the rows of a commit are read back for its entry, of tables that need an index for this alone."""

for _row, _column in ROWS_OF_COMMITS:
    Index(f"audit_{_row.__tablename__}_{_column}", _row.__table__.c[_column])
