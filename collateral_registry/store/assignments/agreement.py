"""Reads the entries and payments of a pool's ledger, and stores the closing amounts of its periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, select
from sqlalchemy.orm import aliased

from collateral_registry.domain.assignments.payment_records import RecordedPayment
from collateral_registry.domain.assignments.period_sums import Closing, PoolEntries
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Amount, Day, Id, Text, Time
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US, Effect
from collateral_registry.domain.receivables.ledgers.payments import PAYMENT_KINDS
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.bulk import Source, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable
from collateral_registry.store.engine.json_documents import from_document, to_document
from collateral_registry.store.engine.key_sets import KEYS, is_one_of
from collateral_registry.store.engine.rows import columns_of, existing, insert_row
from collateral_registry.store.receivables.payments import IS_CASH
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.assignments import PeriodClosingRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.receivables import InvoiceEntryRow
from valuation._typing import Int

EVER = 2**62
"""A sequence after every commit."""

CLOSING_FILTER = FilterTable(
    asset=FilterField(Id("assets"), AssetRow.asset_id),
    date=FilterField(Day(), PeriodClosingRow.day),
    currency_code=FilterField(Text(), AssetRow.currency),
    closing_amount=FilterField(Amount(), PeriodClosingRow.stated_minor),
    unreconciled_amount=FilterField(Amount(), PeriodClosingRow.unreconciled_minor),
    actor=FilterField(Text(), PeriodClosingRow.actor),
    create_time=FilterField(Time(), CommitRow.known_us),
)
"""Fields by which closing amounts can be filtered."""


@dataclass(frozen=True)
class StoredClosing:
    """A closing amount with its key, the id of its asset, who recorded it and when."""

    key: int
    asset_id: str
    closing: Closing
    actor: str
    known_us: int

    @property
    def name(self) -> str:
        """The resource name."""
        return f"assets/{self.asset_id}/closings/{self.key}"


def entries_of(source: Source, pool_key: int) -> PoolEntries:
    """Returns the effects of every entry of a pool, and which entries its corrections restate."""
    columns = read_columns(source, _EFFECTS, {"pool": pool_key})
    effects = list(map(Effect._make, zip(*(columns[name].tolist() for name in Effect._fields), strict=True)))
    found = read_columns(source, _CORRECTED, {"pool": pool_key})
    return PoolEntries(effects, dict(zip(found["number"].tolist(), found["corrected"].tolist(), strict=True)))


_EFFECTS = (
    select(*columns_of(InvoiceEntryRow, *Effect._fields))
    .where(InvoiceEntryRow.pool_key == bindparam("pool"))
    .order_by(InvoiceEntryRow.number)
)


_ORIGINAL = aliased(InvoiceEntryRow)
_CORRECTED = (
    select(InvoiceEntryRow.number, _ORIGINAL.number.label("corrected"))
    .join(
        _ORIGINAL,
        (_ORIGINAL.source_key == InvoiceEntryRow.source_key)
        & (_ORIGINAL.entry_id == InvoiceEntryRow.corrects)
        & (_ORIGINAL.leg == 0),
    )
    .where(InvoiceEntryRow.pool_key == bindparam("pool"), InvoiceEntryRow.leg == 0, InvoiceEntryRow.corrects != "")
)


def payments_of(source: Source, pool_key: int) -> list[RecordedPayment]:
    """Returns the payments of a pool that both records report, in the order of their numbers.

    A payment has its amount after corrections.
    """
    columns = read_columns(source, _PAYMENTS, {"pool": pool_key})
    rows = [
        dict(zip(columns, row, strict=True)) for row in zip(*(one.tolist() for one in columns.values()), strict=True)
    ]
    corrected = {(row["source_key"], row["corrects"]): row["amount_minor"] for row in rows if row["corrects"]}
    # A payment that was corrected to nothing is not the same as any other any more.
    ended = {(row["source_key"], row["corrects"]) for row in rows if row["corrects"] and not row["amount_minor"]}
    lasting = [row for row in rows if row["kind"] != EntryKind.CORRECTION]
    numbers = {row["number"] for row in lasting if (row["source_key"], row["entry_id"]) not in ended}
    matched = {row["number"] for row in lasting if row["matches"] in numbers}
    matched |= {row["matches"] for row in lasting if row["number"] in numbers}
    matched &= numbers
    return [
        RecordedPayment(
            number=row["number"],
            source=EntrySource(row["source"]),
            day=row["effective_us"] // DAY_US,
            debtor=row["debtor"],
            invoice_number=row["invoice_number"],
            amount_minor=corrected.get((row["source_key"], row["entry_id"]), row["amount_minor"]),
            currency=row["currency"],
            document=row["document"],
            is_matched=row["number"] in matched,
        )
        for row in lasting
    ]


_PAYMENTS = (
    select(
        *columns_of(InvoiceEntryRow, "number", "kind", "source", "source_key", "entry_id", "effective_us", "debtor"),
        *columns_of(InvoiceEntryRow, "invoice_number", "amount_minor", "currency", "document", "matches", "corrects"),
    )
    .where(
        InvoiceEntryRow.pool_key == bindparam("pool"),
        InvoiceEntryRow.leg == 0,
        InvoiceEntryRow.effect.in_(PAYMENT_KINDS),
        IS_CASH | (InvoiceEntryRow.kind == int(EntryKind.CORRECTION)),
    )
    .order_by(InvoiceEntryRow.number)
)


def insert_closing(write: Write, asset_key: int, closing: Closing, actor: str) -> StoredClosing:
    """Stores a closing amount with the sums of its period."""
    sums = closing.sums
    values = {"asset_key": asset_key, "seq": write.seq, "actor": actor, "document": to_document(closing)}
    values |= {"day": day_of(closing.day), "stated_minor": sums.stated, "computed_minor": sums.closing}
    key = insert_row(write.connection, PeriodClosingRow, **values, unreconciled_minor=closing.unreconciled_minor)
    return existing(_closings(write.connection, [PeriodClosingRow.record_key == key], 1), "closings")


def list_closings(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredClosing]:
    """Returns a page of closing amounts, most recently recorded first."""
    return _closings(connection, [CLOSING_FILTER.where(wanted), PeriodClosingRow.record_key < before_key], limit)


def newest_closing(connection: Connection, asset_key: int, before_day: int | None = None) -> StoredClosing | None:
    """Returns the closing amount of the latest day, or of the latest day before another one; None if there is none."""
    where: list[ColumnElement[bool]] = [PeriodClosingRow.asset_key == asset_key]
    if before_day is not None:
        where.append(PeriodClosingRow.day < before_day)
    return next(iter(_closings(connection, where, 1, PeriodClosingRow.day.desc())), None)


def unreconciled_of(source: Source, asset_key: int, seq: int | None = None) -> int:
    """Returns the amount of a pool that does not count because its newest closing amount has a gap, in minor units.

    It is that as of commit ``seq`` or, without one, now.
    """
    named = {"asset_key": asset_key, "seq": EVER if seq is None else seq}
    found = read_columns(source, _UNRECONCILED, named)["unreconciled_minor"].tolist()
    return int(found[0]) if found else 0


_UNRECONCILED = (
    select(PeriodClosingRow.unreconciled_minor)
    .where(PeriodClosingRow.asset_key == bindparam("asset_key"), PeriodClosingRow.seq <= bindparam("seq"))
    .order_by(PeriodClosingRow.day.desc(), PeriodClosingRow.record_key.desc())
    .limit(1)
)


@dataclass(frozen=True)
class OpenGap:
    """The amount of a pool that does not count because its newest closing amount has a gap, in its currency.

    This is the currency of the pool when the closing amount was recorded.
    """

    asset_id: str
    currency: str
    amount_minor: int


def unreconciled_amounts(source: Source, asset_keys: Int) -> dict[int, OpenGap]:
    """Returns the gaps of pools that have one, by key of the asset."""
    columns = read_columns(source, _AMOUNTS, {"keys": asset_keys})
    rows = zip(*(columns[name].tolist() for name in ("asset_key", "asset_id", "document", "amount_minor")), strict=True)
    newest = {key: rest for key, *rest in rows}
    return {
        key: OpenGap(asset_id, from_document(Closing, document).currency, amount_minor)
        for key, (asset_id, document, amount_minor) in newest.items()
        if amount_minor
    }


_AMOUNTS = (
    select(
        PeriodClosingRow.asset_key,
        AssetRow.asset_id,
        PeriodClosingRow.document,
        PeriodClosingRow.unreconciled_minor.label("amount_minor"),
    )
    .join(AssetRow, AssetRow.asset_key == PeriodClosingRow.asset_key)
    .where(is_one_of(PeriodClosingRow.asset_key, KEYS))
    .order_by(PeriodClosingRow.day, PeriodClosingRow.record_key)
)


def _closings(
    connection: Connection, where: Sequence[ColumnElement[bool]], limit: int, *order: ColumnElement[int]
) -> list[StoredClosing]:
    statement = (
        select(PeriodClosingRow.record_key, AssetRow.asset_id, PeriodClosingRow.document, PeriodClosingRow.actor)
        .add_columns(CommitRow.known_us)
        .join(AssetRow, AssetRow.asset_key == PeriodClosingRow.asset_key)
        .join(CommitRow, CommitRow.seq == PeriodClosingRow.seq)
        .where(*where)
        .order_by(*order, PeriodClosingRow.record_key.desc())
        .limit(limit)
    )
    return [
        StoredClosing(key, asset_id, from_document(Closing, document), actor, known_us)
        for key, asset_id, document, actor, known_us in connection.execute(statement)
    ]
