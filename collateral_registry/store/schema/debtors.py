"""Tables of debtors, their revisions and their identifiers."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from collateral_registry.store.schema.columns import big, partial_index, real, text


class DebtorRow(SQLModel, table=True):
    """A debtor and the number of its current revision."""

    __tablename__: ClassVar[str] = "debtor"
    debtor_key: int | None = big(primary_key=True, default=None)
    debtor_id: str = text(unique=True)
    revision: int = big()
    created_seq: int = big()
    updated_seq: int = big()


class DebtorRevisionRow(SQLModel, table=True):
    """Every revision of a debtor, with who changed it and why; ``document`` is the whole debtor as JSON.

    ``parent_key`` and ``merged_into`` are 0 for none. ``pd`` is null where no probability of default is stated, and
    ``line_minor`` -1 where there is no line.
    """

    __tablename__: ClassVar[str] = "debtor_revision"
    __table_args__ = (
        partial_index("debtor_of_parent", "parent_key", where="parent_key > 0"),
        partial_index("debtor_merged_into", "merged_into", where="merged_into > 0"),
    )
    debtor_key: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    revision: int = big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = big(index=True)
    display_name: str = text()
    country: str = text()
    parent_key: int = big()
    parent_stated: int = big()
    kind: int = big()
    state: int = big()
    is_core_firm: int = big()
    pd: float | None = real(default=None)
    pd_day: int = big()
    line_minor: int = big()
    line_currency: str = text()
    line_expire_day: int = big()
    merged_into: int = big()
    actor: str = text()
    note: str = text()
    document: str = text()


class DebtorIdentifierRow(SQLModel, table=True):
    """An identifier of a debtor from the commit that stated it until the one that withdrew it, 0 if none did."""

    __tablename__: ClassVar[str] = "debtor_identifier"
    __table_args__ = (
        partial_index("debtor_identifier_current", "value", "scheme", where="ended_seq = 0", unique=True),
        Index("debtor_identifier_value", "value", "scheme"),
    )
    identifier_key: int | None = big(primary_key=True, default=None)
    debtor_key: int = big(index=True)
    scheme: int = big()
    value: str = text()
    created_seq: int = big()
    ended_seq: int = big()


IS_NEWEST_OF_DEBTOR = (DebtorRevisionRow.debtor_key == DebtorRow.debtor_key) & (
    DebtorRevisionRow.revision == DebtorRow.revision
)
"""The condition that a revision is the current one of its debtor."""
