"""Tables of the reserves and certificates of borrowing bases."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, text


class ReserveRow(SQLModel, table=True):
    """A reserve of a loan: an amount or a rate, of which the other is -1; ``ended_seq`` is 0 until it is ended."""

    __tablename__: ClassVar[str] = "reserve"
    __table_args__ = (UniqueConstraint("loan_key", "reserve_id"),)
    reserve_key: int | None = big(primary_key=True, default=None)
    reserve_id: str = text()
    loan_key: int = big()
    kind: int = big()
    amount_minor: int = big()
    rate_ppm: int = big()
    first_day: int = big()
    last_day: int = big()
    owner: str = text()
    reason: str = text()
    ended_by: str = text(default="")
    end_reason: str = text(default="")
    created_seq: int = big()
    ended_seq: int = big()


class CertificateRow(SQLModel, table=True):
    """A certificate of a loan; ``document`` is JSON with its statements and the people who made and approved them."""

    __tablename__: ClassVar[str] = "certificate"
    __table_args__ = (UniqueConstraint("loan_key", "certificate_id"),)
    certificate_key: int | None = big(primary_key=True, default=None)
    certificate_id: str = text()
    loan_key: int = big()
    state: int = big()
    period_end_day: int = big()
    due_day: int = big()
    document: str = text()
    created_seq: int = big()
    updated_seq: int = big()
