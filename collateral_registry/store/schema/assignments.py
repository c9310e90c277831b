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
