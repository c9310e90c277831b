"""Tables of receivables: feeds of entries, ledgers of pools, and the sums of their entries.

The writer process writes all of them. Changes of the book delete rows of ``pool_change`` only.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.schema.columns import big, partial_index, text
from collateral_registry.store.schema.feed_columns import BatchColumns, FeedColumns, RejectionColumns, request_index


class InvoiceFeedRow(FeedColumns, table=True):
    """A feed of entries."""

    __tablename__: ClassVar[str] = "invoice_feed"


class InvoiceBatchRow(BatchColumns, table=True):
    """A durable batch of entries."""

    __tablename__: ClassVar[str] = "invoice_batch"
    __table_args__ = (request_index("invoice_batch_request"),)


class InvoiceRejectionRow(RejectionColumns, table=True):
    """An entry that was not booked."""

    __tablename__: ClassVar[str] = "invoice_rejection"
    __table_args__ = (
        Index("invoice_rejection_source", "source_key", "state"),
        Index("invoice_rejection_entry", "source_key", "entry_id"),
    )
    entry_id: str = text()


class InvoicePoolRow(SQLModel, table=True):
    """A pool for which entries arrived: the id of its asset, which need not be registered, and its newest entry.

    ``entry_day`` is the newest day of an entry of the borrower's ledger. ``account_entries`` is the number of rows
    of the collection account.
    """

    __tablename__: ClassVar[str] = "invoice_pool"
    pool_key: int | None = big(primary_key=True, default=None)
    pool_id: str = text(unique=True)
    entry_number: int = big()
    entry_day: int = big()
    account_entries: int = big()
    opened_us: int = big()
    received_us: int = big()


CASH_EFFECTS = "effect IN (2, 3, 12) AND leg = 0"
"""The condition of the entries that are found by their amount: PAYMENT, CREDIT_NOTE and UNAPPLIED."""


class InvoiceEntryRow(SQLModel, table=True):
    """A row of a pool's ledger; rows are appended and never changed.

    ``number`` is its place in the ledger, from 1 without gaps. An entry has a row for each of its effects, of which
    ``leg`` 0 has the fields as reported. ``effect``, ``change_minor`` and ``matches`` are explained in
    domain/receivables/ledgers/ledger_state.py.
    """

    __tablename__: ClassVar[str] = "invoice_entry"
    __table_args__ = (
        UniqueConstraint("pool_key", "number"),
        UniqueConstraint("source_key", "entry_id", "leg"),
        partial_index("invoice_entry_corrects", "source_key", "corrects", where="corrects <> ''"),
        partial_index("invoice_entry_cash", "pool_key", "debtor", "amount_minor", where=CASH_EFFECTS),
        partial_index("invoice_entry_matches", "pool_key", "matches", where="matches <> 0"),
    )
    entry_key: int | None = big(primary_key=True, default=None)
    pool_key: int = big()
    number: int = big()
    leg: int = big()
    source_key: int = big()
    sequence: int = big()
    batch_row: int = big()
    entry_id: str = text()
    kind: int = big()
    effect: int = big()
    effective_us: int = big()
    received_us: int = big()
    debtor: str = text()
    invoice_number: str = text()
    type_code: int = big()
    amount_minor: int = big()
    change_minor: int = big()
    currency: str = text()
    issue_day: int = big()
    due_day: int = big()
    delivery_day: int = big()
    flags: int = big()
    source: int = big()
    matches: int = big()
    to_pool: str = text()
    corrects: str = text()
    document: str = text()


class InvoiceRow(SQLModel, table=True):
    """An invoice of a pool with the sums of its entries, which may exceed its face amount."""

    __tablename__: ClassVar[str] = "invoice"
    __table_args__ = (
        UniqueConstraint("pool_key", "debtor", "invoice_number"),
        Index("invoice_face", "pool_key", "debtor", "face_minor"),
    )
    invoice_key: int | None = big(primary_key=True, default=None)
    pool_key: int = big()
    debtor: str = text()
    invoice_number: str = text()
    currency: str = text()
    type_code: int = big()
    flags: int = big()
    face_minor: int = big()
    paid_minor: int = big()
    credited_minor: int = big()
    written_off_minor: int = big()
    open_minor: int = big()
    disputed_minor: int = big()
    retention_minor: int = big()
    retention_day: int = big()
    issue_day: int = big()
    due_day: int = big()
    delivery_day: int = big()
    ahead_minor: int = big()
    lowered_minor: int = big(default=0, sa_column_kwargs={"server_default": "0"})
    withdrawn_day: int = big(default=NO_DAY, sa_column_kwargs={"server_default": str(NO_DAY)})


class DebtorBalanceRow(SQLModel, table=True):
    """What a debtor of a pool has in one currency without an invoice."""

    __tablename__: ClassVar[str] = "debtor_balance"
    __table_args__ = (UniqueConstraint("pool_key", "debtor", "currency"),)
    balance_key: int | None = big(primary_key=True, default=None)
    pool_key: int = big()
    debtor: str = text()
    currency: str = text()
    unapplied_minor: int = big()
    contra_minor: int = big()
    contra_day: int = big()


class PoolChangeRow(SQLModel, table=True):
    """A changed pool that is not yet applied to the book. Booking inserts the row, and the sync deletes it."""

    __tablename__: ClassVar[str] = "pool_change"
    change_key: int | None = big(primary_key=True, default=None)
    pool_key: int = big()
