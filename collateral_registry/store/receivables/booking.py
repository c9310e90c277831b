"""Reads the parts of ledgers that a booking names, and stores its results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, CursorResult, Text, bindparam, delete, insert, select, text as sql
from sqlmodel import SQLModel

from collateral_registry.domain.receivables.ledger import EntryKind
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.receivables.ledgers.entry_booking import CONTENT_COLUMNS, Booked, Known, content
from collateral_registry.domain.receivables.ledgers.ledger_columns import BALANCE_COLUMNS, INVOICE_COLUMNS
from collateral_registry.domain.receivables.ledgers.ledger_state import (
    DAY_US,
    Balance,
    Effect,
    Invoice,
    LedgerState,
)
from collateral_registry.store.engine.bulk import ColumnUpdate, insert_columns, new_keys
from collateral_registry.store.engine.database import Intake
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, RecordSet, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.feeds.batches import BatchPlaces
from collateral_registry.store.schema.receivables import (
    CASH_EFFECTS,
    DebtorBalanceRow,
    InvoiceEntryRow,
    InvoicePoolRow,
    InvoiceRow,
    PoolChangeRow,
)

_ENTRY, _POOL = InvoiceEntryRow.__table__, InvoicePoolRow.__table__


def read_pools(connection: Connection, pool_ids: Collection[str]) -> dict[str, LedgerState]:
    """Returns the ledgers of pools without invoices and balances, by id; new ones for pools without entries."""
    ledgers = {pool_id: LedgerState(pool_id) for pool_id in pool_ids}
    for row in connection.execute(_POOLS, {"texts": pool_ids}):
        ledgers[row.pool_id] = LedgerState(*row)
    return ledgers


_POOLS = select(
    *columns_of(InvoicePoolRow, "pool_id", "pool_key", "entry_number", "entry_day", "account_entries")
).where(is_one_of(InvoicePoolRow.pool_id, TEXTS))


def read_invoices(
    connection: Connection, ledgers: Mapping[str, LedgerState], names: Iterable[tuple[str, str, str]]
) -> None:
    """Adds the invoices with these pools, debtors and numbers to their ledgers."""
    if records := of_stored(ledgers, names):
        _add_invoices(ledgers, connection.execute(_INVOICES_NAMED, {"records": records}))


def of_stored(ledgers: Mapping[str, LedgerState], named: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Returns the distinct records that begin with the pool, by its key, in order; pools without entries have none."""
    keys = {pool_id: one.key for pool_id, one in ledgers.items() if one.key}
    return sorted((keys[pool], *rest) for pool, *rest in set(named) if pool in keys)


_INVOICE = InvoiceRow.__table__
_INVOICE_FIELDS = select(*(_INVOICE.c[name] for name in ("pool_key", *INVOICE_COLUMNS, "invoice_key")))
_NAMES = RecordSet({"pool": BigInteger, "debtor": Text, "number": Text}).rows
_INVOICES_NAMED = _INVOICE_FIELDS.join_from(
    _NAMES,
    _INVOICE,
    (_INVOICE.c.pool_key == _NAMES.c.pool)
    & (_INVOICE.c.debtor == _NAMES.c.debtor)
    & (_INVOICE.c.invoice_number == _NAMES.c.number),
)


def _add_invoices(ledgers: Mapping[str, LedgerState], found: CursorResult[Any]) -> None:
    invoices_of = {one.key: one.invoices for one in ledgers.values() if one.key}
    # The rows of the driver, because this runs for every entry.
    for pool_key, *fields in found.cursor.fetchall() if found.cursor else ():
        invoice = Invoice(*fields)
        invoices_of[pool_key].setdefault((invoice.debtor, invoice.invoice_number), invoice)
    found.close()


def read_balances(connection: Connection, ledgers: Mapping[str, LedgerState], named: Iterable[tuple[str, str]]) -> None:
    """Adds the balances with these pools and debtors to their ledgers."""
    by_key = {one.key: one for one in ledgers.values() if one.key}
    if records := of_stored(ledgers, named):
        for pool_key, *fields in connection.execute(_BALANCES_OF, {"records": records}):
            balance = Balance(*fields)
            by_key[pool_key].balances[balance.debtor, balance.currency] = balance


_BALANCE = DebtorBalanceRow.__table__
_DEBTORS = RecordSet({"pool": BigInteger, "debtor": Text}).rows
_BALANCES_OF = select(*(_BALANCE.c[name] for name in ("pool_key", *BALANCE_COLUMNS, "balance_key"))).join_from(
    _DEBTORS, _BALANCE, (_BALANCE.c.pool_key == _DEBTORS.c.pool) & (_BALANCE.c.debtor == _DEBTORS.c.debtor)
)


AmountName = tuple[str, str, int]
"""A pool, a debtor and an amount in minor units."""


def read_same_amounts(
    connection: Connection,
    ledgers: Mapping[str, LedgerState],
    invoiced: Iterable[AmountName],
    credited: Iterable[AmountName],
) -> None:
    """Adds what shows that an invoice was credited and issued again.

    These are the credit notes of the amounts ``invoiced``, and the invoices of the amounts ``credited``.
    """
    by_key = {one.key: one for one in ledgers.values() if one.key}
    if records := of_stored(ledgers, invoiced):
        for pool_key, debtor, currency, amount, us, number in connection.execute(_CREDITS_OF, {"records": records}):
            by_key[pool_key].note_credit((debtor, currency, amount), us // DAY_US, number)
    if records := of_stored(ledgers, credited):
        _add_invoices(ledgers, connection.execute(_INVOICES_OF_AMOUNT, {"records": records}))


_AMOUNTS = RecordSet({"pool": BigInteger, "debtor": Text, "amount": BigInteger}).rows
# The condition repeats that of the partial index, in its words.
_HAS_CASH_EFFECT = sql(CASH_EFFECTS.replace("effect", "invoice_entry.effect").replace("leg", "invoice_entry.leg"))
ENTRIES_OF_AMOUNT = _AMOUNTS.join(
    _ENTRY,
    (_ENTRY.c.pool_key == _AMOUNTS.c.pool)
    & (_ENTRY.c.debtor == _AMOUNTS.c.debtor)
    & (_ENTRY.c.amount_minor == _AMOUNTS.c.amount)
    & _HAS_CASH_EFFECT,
)
"""Entries of the kinds that are found by amount, of the records of a statement."""

_CREDITS_OF = (
    select(
        *(_ENTRY.c[name] for name in ("pool_key", "debtor", "currency", "amount_minor")),
        *(_ENTRY.c[name] for name in ("effective_us", "invoice_number")),
    )
    .select_from(ENTRIES_OF_AMOUNT)
    .where(_ENTRY.c.effect == int(EntryKind.CREDIT_NOTE), _ENTRY.c.kind != int(EntryKind.MOVE))
)
_INVOICES_OF_AMOUNT = _INVOICE_FIELDS.join_from(
    _AMOUNTS,
    _INVOICE,
    (_INVOICE.c.pool_key == _AMOUNTS.c.pool)
    & (_INVOICE.c.debtor == _AMOUNTS.c.debtor)
    & (_INVOICE.c.face_minor == _AMOUNTS.c.amount),
)


def known_entries(connection: Connection, source_key: int, ids: Collection[str]) -> dict[str, Known]:
    """Returns, by id, the entries that a feed has already reported, with their amounts after corrections."""
    if not ids:
        return {}
    rows = connection.execute(_KNOWN, {"source": source_key, "texts": ids}).all()
    if not rows:
        return {}
    named = {"source": source_key, "texts": [row.entry_id for row in rows]}
    corrected: dict[str, int] = {row[0]: row[1] for row in connection.execute(_CORRECTIONS, named)}
    known = {}
    for row in rows:
        number = "" if row.kind == EntryKind.UNAPPLIED else row.invoice_number
        stated = {name: getattr(row, _STATED.get(name, name)) for name in CONTENT_COLUMNS} | {"invoice_number": number}
        known[row.entry_id] = Known(
            content(*stated.values()),
            row.pool_id,
            row.number,
            row.kind,
            row.effect,
            row.debtor,
            row.invoice_number,
            row.currency,
            row.source,
            corrected.get(row.entry_id, row.amount_minor),
        )
    return known


_STATED = {"pool": "pool_id"}
_IDS = TEXTS.rows
_NAMED = _ENTRY.alias("named")
_KEY_OF_ID = select(_NAMED.c.entry_key).where(
    _NAMED.c.source_key == bindparam("source"), _NAMED.c.leg == 0, _NAMED.c.entry_id == _IDS.c.value
)
# A subquery for each id uses the index; for a plain join, SQLite reads all entries of the feed.
_KNOWN = (
    select(_ENTRY, _POOL.c.pool_id)
    .join_from(_IDS, _ENTRY, _ENTRY.c.entry_key == _KEY_OF_ID.scalar_subquery())
    .join(_POOL, _POOL.c.pool_key == _ENTRY.c.pool_key)
)
_OF_FEED = (_ENTRY.c.source_key == bindparam("source")) & (_ENTRY.c.leg == 0)
_CORRECTIONS = (
    select(_ENTRY.c.corrects, _ENTRY.c.amount_minor)
    # The last condition repeats that of the partial index of corrections.
    .join_from(_IDS, _ENTRY, _OF_FEED & (_ENTRY.c.corrects == _IDS.c.value) & (_ENTRY.c.corrects != ""))
    .order_by(_ENTRY.c.entry_key)
)


def store_ledgers(intake: Intake, ledgers: Iterable[LedgerState]) -> None:
    """Stores the changed ledgers of a booking, and queues their pools for the sync."""
    changed = list(ledgers)
    _store_pools(intake, changed)
    changed.sort(key=attrgetter("key"))
    connection = intake.connection
    removed = [key for one in changed for key in one.removed]
    if removed:
        connection.execute(_REMOVE_INVOICES, {"keys": removed})
    for update, names, items in (
        (_UPDATE_INVOICES, _INVOICE_SUMS, [one.changed for one in changed]),
        (_UPDATE_FACES, ("face_minor",), [one.restated for one in changed]),
        (_UPDATE_BALANCES, _BALANCE_SUMS, [one.changed_balances for one in changed]),
    ):
        stored = [one for of_pool in items for one in of_pool.values() if one.key]
        update.run(connection, *_columns(stored, ("key", *names)))
    # In the order of their index, so that the database need not search its place for each of them.
    invoices = [(pool.key, one) for pool in changed for _, one in sorted(pool.changed.items()) if not one.key]
    _insert_sums(connection, InvoiceRow, (*INVOICE_COLUMNS, "open_minor"), invoices)
    balances = [(pool.key, one) for pool in changed for one in pool.changed_balances.values() if not one.key]
    _insert_sums(connection, DebtorBalanceRow, BALANCE_COLUMNS, balances)
    connection.execute(_QUEUE_POOLS, {"keys": [pool.key for pool in changed]})


_REMOVE_INVOICES = delete(_INVOICE).where(is_one_of(_INVOICE.c.invoice_key, KEYS))
_NOT_SUMS = {"debtor", "invoice_number", "currency", "face_minor"}
_INVOICE_SUMS = tuple(name for name in (*INVOICE_COLUMNS, "open_minor") if name not in _NOT_SUMS)
_BALANCE_SUMS = tuple(name for name in BALANCE_COLUMNS if name not in _NOT_SUMS)
_POOL_SUMS = ("entry_number", "entry_day", "account_entries", "received_us")
_UPDATE_INVOICES = ColumnUpdate(InvoiceRow, "invoice_key", _INVOICE_SUMS)
# The face amount is updated on its own, because few entries change it and an index has it.
_UPDATE_FACES = ColumnUpdate(InvoiceRow, "invoice_key", ("face_minor",))
_UPDATE_BALANCES = ColumnUpdate(DebtorBalanceRow, "balance_key", _BALANCE_SUMS)
_UPDATE_POOLS = ColumnUpdate(InvoicePoolRow, "pool_key", _POOL_SUMS)
_QUEUE_POOLS = insert(PoolChangeRow).from_select(["pool_key"], select(KEYS.rows.c.value))


def _store_pools(intake: Intake, ledgers: Sequence[LedgerState]) -> None:
    old, new = [one for one in ledgers if one.key], [one for one in ledgers if not one.key]
    for one, key in zip(new, new_keys(intake.connection, InvoicePoolRow, len(new)), strict=True):
        one.key = key
    names = ("pool_id", *_POOL_SUMS[:-1])
    columns = dict(zip(("pool_key", *names), _columns(new, ("key", *names)), strict=True))
    times = {"opened_us": intake.received_us, "received_us": intake.received_us}
    insert_columns(intake.connection, InvoicePoolRow, {**columns, **times}, len(new))
    received_us = [intake.received_us] * len(old)
    _UPDATE_POOLS.run(intake.connection, *_columns(old, ("key", *_POOL_SUMS[:-1])), received_us)


def _insert_sums(
    connection: Connection, table: type[SQLModel], names: Sequence[str], new: Sequence[tuple[int, Invoice | Balance]]
) -> None:
    """Inserts new invoices or balances, each with the key of its pool."""
    columns: dict[str, Any] = dict(zip(names, _columns([one for _, one in new], names), strict=True))
    columns["pool_key"] = [pool_key for pool_key, _ in new]
    insert_columns(connection, table, columns, len(new))


def _columns(items: Sequence[object], names: Sequence[str]) -> list[Any]:
    """Returns attributes of items in columns."""
    rows = map(attrgetter(*names), items)
    return list(map(list, zip(*rows, strict=True))) if items else [[] for _ in names]


def store_entries(intake: Intake, source_key: int, run: Entries, places: BatchPlaces, booked: Booked) -> None:
    """Appends the effects of a run; ``places`` locates each row [n] in its batch."""
    rows, count = booked.effect_row, len(booked.effects)
    fields = zip(*booked.effects, strict=True) if count else [()] * len(Effect._fields)
    reported = {name: getattr(run, name) for name in ("entry_id", "to_pool", "corrects", "document")}
    reported.update(sequence=places.sequence, batch_row=places.batch_row)
    columns: dict[str, Any] = {
        **dict(zip(Effect._fields, fields, strict=True)),
        **{name: list(map(column.__getitem__, rows)) for name, column in reported.items()},
        "source_key": source_key,
        "pool_key": [pool.key for pool in booked.pool],
        "received_us": intake.received_us,
    }
    insert_columns(intake.connection, InvoiceEntryRow, columns, count)
