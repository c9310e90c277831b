"""Tables of assignments, of statements on the invoices of a pool, and of exclusions by hand."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, text


class PoolRecordColumns(SQLModel):
    """A record on the invoices of a pool: its pool, its commit, who made it, and its content as JSON."""

    asset_key: int = big(index=True)
    seq: int = big()
    actor: str = text()
    document: str = text()


class AssignmentRow(SQLModel, table=True):
    """An assignment of invoices of a pool, which its events describe."""

    __tablename__: ClassVar[str] = "assignment"
    __table_args__ = (UniqueConstraint("asset_key", "assignment_id"),)
    assignment_key: int | None = big(primary_key=True, default=None)
    asset_key: int = big()
    assignment_id: str = text()
    created_seq: int = big()


class AssignmentEventRow(PoolRecordColumns, table=True):
    """An event of an assignment."""

    __tablename__: ClassVar[str] = "assignment_event"
    record_key: int | None = big(primary_key=True, default=None)
    assignment_key: int = big(index=True)


class RegistrySearchRow(PoolRecordColumns, table=True):
    """A search of a registry for earlier assignments."""

    __tablename__: ClassVar[str] = "registry_search"
    record_key: int | None = big(primary_key=True, default=None)
    day: int = big()


class ContractTermsRow(PoolRecordColumns, table=True):
    """A statement whether contracts bar the assignment of invoices."""

    __tablename__: ClassVar[str] = "contract_terms"
    record_key: int | None = big(primary_key=True, default=None)
    barred: int = big()


class InvoiceExclusionRow(PoolRecordColumns, table=True):
    """An exclusion of invoices by hand; ``ended_seq`` is 0 until it is ended."""

    __tablename__: ClassVar[str] = "invoice_exclusion"
    record_key: int | None = big(primary_key=True, default=None)
    expire_day: int = big()
    ended_seq: int = big()
    ended_us: int = big()
    ended_by: str = text()
    end_note: str = text()


class DebtorLimitRow(PoolRecordColumns, table=True):
    """A limit of a debtor in a pool; the newest of a debtor and kind applies. ``ended_seq`` is 0 until it is ended."""

    __tablename__: ClassVar[str] = "debtor_limit"
    record_key: int | None = big(primary_key=True, default=None)
    debtor: str = text()
    kind: int = big()
    expire_day: int = big()
    ended_seq: int = big()
    ended_us: int = big()
    ended_by: str = text()
    end_note: str = text()


class VerificationRow(PoolRecordColumns, table=True):
    """A plan to verify invoices of a pool: its sample, which follows from its seed."""

    __tablename__: ClassVar[str] = "verification"
    __table_args__ = (UniqueConstraint("asset_key", "verification_id"),)
    record_key: int | None = big(primary_key=True, default=None)
    verification_id: str = text()
    day: int = big()


class VerificationAnswerRow(PoolRecordColumns, table=True):
    """What the debtor of a sampled invoice answered; the newest row of an invoice counts."""

    __tablename__: ClassVar[str] = "verification_answer"
    record_key: int | None = big(primary_key=True, default=None)
    verification_key: int = big(index=True)


class PeriodClosingRow(PoolRecordColumns, table=True):
    """The closing amount of a period as the borrower states it; the newest row of a day counts."""

    __tablename__: ClassVar[str] = "period_closing"
    record_key: int | None = big(primary_key=True, default=None)
    day: int = big()
    stated_minor: int = big()
    computed_minor: int = big()
    unreconciled_minor: int = big()
