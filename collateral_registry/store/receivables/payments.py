"""Reads the payments of ledgers that a booking may match or correct."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Text, exists, select

from collateral_registry.domain.receivables.ledger import EntryKind
from collateral_registry.domain.receivables.ledgers.entries import CREDIT_CODES
from collateral_registry.domain.receivables.ledgers.ledger_state import DAY_US, LedgerState
from collateral_registry.domain.receivables.ledgers.payments import PAYMENT_KINDS, Payment, PaymentBook, join
from collateral_registry.store.engine.key_sets import RecordSet
from collateral_registry.store.receivables.booking import ENTRIES_OF_AMOUNT, AmountName, of_stored
from collateral_registry.store.schema.receivables import InvoiceEntryRow

_ENTRY = InvoiceEntryRow.__table__
_MATCH, _CORRECTION = _ENTRY.alias("matching"), _ENTRY.alias("correction")
_FIELDS = (
    "pool_key", "number", "source_key", "entry_id", "kind", "effect", "source", "debtor", "invoice_number", "currency",
    "amount_minor", "document", "matches", "effective_us",
)  # fmt: skip
IS_CASH = _ENTRY.c.kind.in_(PAYMENT_KINDS) & (
    (_ENTRY.c.kind != int(EntryKind.UNAPPLIED)) | _ENTRY.c.type_code.not_in(CREDIT_CODES)
)
"""The condition of entries that report cash, as ``is_cash`` states it."""


def read_payments(
    connection: Connection,
    ledgers: Mapping[str, LedgerState],
    of_account: Collection[str],
    paid: Iterable[AmountName],
    corrected: Iterable[tuple[str, int]],
) -> PaymentBook:
    """Returns the payments of the amounts ``paid`` that are not matched, and the payments that are to be corrected.

    ``corrected`` names the latter by pool and number. ``of_account`` are the pools with payments of an account.
    """
    book = PaymentBook(of_account)
    by_key = {one.key: one.pool_id for one in ledgers.values() if one.key}
    if numbers := [(ledgers[pool].key, number) for pool, number in corrected if ledgers[pool].key]:
        _add_corrected(connection, by_key, numbers, book)
    if records := of_stored(ledgers, paid):
        for row in connection.execute(_UNMATCHED, {"records": records}):
            _add(book, by_key, row)
    return book


_UNMATCHED = (
    select(*(_ENTRY.c[name] for name in _FIELDS))
    .select_from(ENTRIES_OF_AMOUNT)
    .where(
        IS_CASH,
        _ENTRY.c.matches == 0,
        ~exists().where(
            _MATCH.c.pool_key == _ENTRY.c.pool_key, _MATCH.c.matches == _ENTRY.c.number, _MATCH.c.matches != 0
        ),
        ~exists().where(
            _CORRECTION.c.source_key == _ENTRY.c.source_key,
            _CORRECTION.c.corrects == _ENTRY.c.entry_id,
            _CORRECTION.c.corrects != "",
        ),
    )
)

_NUMBERS = RecordSet({"pool": BigInteger, "number": BigInteger}).rows
_OF_NUMBERS = (_ENTRY.c.pool_key == _NUMBERS.c.pool) & (_ENTRY.c.leg == 0) & IS_CASH
_BY_NUMBER = select(*(_ENTRY.c[name] for name in _FIELDS)).join_from(
    _NUMBERS, _ENTRY, _OF_NUMBERS & (_ENTRY.c.number == _NUMBERS.c.number)
)
_MATCHING = select(*(_ENTRY.c[name] for name in _FIELDS)).join_from(
    _NUMBERS, _ENTRY, _OF_NUMBERS & (_ENTRY.c.matches == _NUMBERS.c.number) & (_ENTRY.c.matches != 0)
)


def _add_corrected(
    connection: Connection, by_key: Mapping[int, str], records: list[tuple[int, int]], book: PaymentBook
) -> None:
    """Adds payments with those that they match, and with the amounts that corrections gave both."""
    rows = {(row.pool_key, row.number): row for row in connection.execute(_BY_NUMBER, {"records": records})}
    others = [(row.pool_key, row.matches) for row in rows.values() if row.matches]
    found = [*connection.execute(_MATCHING, {"records": [*rows]})]
    found += connection.execute(_BY_NUMBER, {"records": others}) if others else []
    rows.update({(row.pool_key, row.number): row for row in found})
    amounts = _corrected_amounts(connection, rows.values())
    payments = {}
    for place, row in rows.items():
        payment = payments[place] = _add(book, by_key, row)
        if (row.source_key, row.entry_id) in amounts:
            payment.amount_minor, payment.is_corrected = amounts[row.source_key, row.entry_id], True
    for (pool_key, _), row in rows.items():
        if row.matches:
            join(payments[pool_key, row.number], payments[pool_key, row.matches])


def _corrected_amounts(connection: Connection, rows: Iterable[Row[Any]]) -> dict[tuple[int, str], int]:
    records = [(row.source_key, row.entry_id) for row in rows]
    found = connection.execute(_CORRECTED, {"records": records})
    return {(row.source_key, row.corrects): row.amount_minor for row in found}


_CORRECTED_IDS = RecordSet({"source": BigInteger, "id": Text}).rows
_CORRECTED = (
    select(_ENTRY.c.source_key, _ENTRY.c.corrects, _ENTRY.c.amount_minor)
    .join_from(
        _CORRECTED_IDS,
        _ENTRY,
        (_ENTRY.c.source_key == _CORRECTED_IDS.c.source)
        & (_ENTRY.c.corrects == _CORRECTED_IDS.c.id)
        & (_ENTRY.c.corrects != ""),
    )
    .order_by(_ENTRY.c.entry_key)
)


def _add(book: PaymentBook, by_key: Mapping[int, str], row: Row[Any]) -> Payment:
    stated = "" if row.kind == EntryKind.UNAPPLIED else row.invoice_number
    payment = Payment(
        row.number, row.effective_us // DAY_US, row.source, stated, row.document, row.effect, row.invoice_number,
        row.amount_minor,
    )  # fmt: skip
    return book.add((by_key[row.pool_key], row.debtor, row.currency, row.amount_minor), payment)
