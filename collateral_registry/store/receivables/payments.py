"""Reads the payments of ledgers that a booking may match or correct."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, Row, Text, exists, or_, select

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
    numbers = {(ledgers[pool].key, number) for pool, number in corrected if ledgers[pool].key}
    free = connection.execute(_FREE, {"records": records}).all() if (records := of_stored(ledgers, paid)) else []
    numbers.update((row.pool_key, row.number) for row in free if row.was_matched)
    if numbers:
        _add_with_matches(connection, by_key, sorted(numbers), book)
    for row in free:
        _add(book, by_key, row)
    return book


def _is_cancelled(entry: FromClause) -> ColumnElement[bool]:
    return _is_corrected(entry, _CORRECTION.c.amount_minor == 0)


def _is_corrected(entry: FromClause, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        _CORRECTION.c.source_key == entry.c.source_key,
        _CORRECTION.c.corrects == entry.c.entry_id,
        _CORRECTION.c.corrects != "",
        *conditions,
    )


_MATCH_OF_ENTRY = (
    _MATCH.c.pool_key == _ENTRY.c.pool_key,
    _MATCH.c.leg == 0,
    _MATCH.c.kind != int(EntryKind.CORRECTION),
)
_MATCHES_ENTRY = (*_MATCH_OF_ENTRY, _MATCH.c.matches == _ENTRY.c.number, _MATCH.c.matches != 0)
_FREE = (
    select(*(_ENTRY.c[name] for name in _FIELDS))
    .add_columns(or_(_ENTRY.c.matches != 0, exists().where(*_MATCHES_ENTRY)).label("was_matched"))
    .select_from(ENTRIES_OF_AMOUNT)
    .where(
        IS_CASH,
        ~exists().where(*_MATCHES_ENTRY, ~_is_cancelled(_MATCH)),
        ~exists().where(*_MATCH_OF_ENTRY, _MATCH.c.number == _ENTRY.c.matches, ~_is_cancelled(_MATCH)),
        ~_is_corrected(_ENTRY),
    )
)
"""Payments that are not corrected and not matched any more; ``was_matched`` if their matches were cancelled."""

_NUMBERS = RecordSet({"pool": BigInteger, "number": BigInteger}).rows
_OF_NUMBERS = (_ENTRY.c.pool_key == _NUMBERS.c.pool) & (_ENTRY.c.leg == 0) & IS_CASH
_BY_NUMBER = select(*(_ENTRY.c[name] for name in _FIELDS)).join_from(
    _NUMBERS, _ENTRY, _OF_NUMBERS & (_ENTRY.c.number == _NUMBERS.c.number)
)
_MATCHING = select(*(_ENTRY.c[name] for name in _FIELDS)).join_from(
    _NUMBERS, _ENTRY, _OF_NUMBERS & (_ENTRY.c.matches == _NUMBERS.c.number) & (_ENTRY.c.matches != 0)
)

_Place = tuple[int, int]
"""Key of a pool, and number of an entry in its ledger."""


def _add_with_matches(
    connection: Connection, by_key: Mapping[int, str], numbers: Sequence[_Place], book: PaymentBook
) -> None:
    """Adds payments with those that they match, and with the amounts that corrections gave both."""
    rows = {(row.pool_key, row.number): row for row in connection.execute(_BY_NUMBER, {"records": numbers})}
    named = [*rows]
    others = [(row.pool_key, row.matches) for row in rows.values() if row.matches]
    found = [*connection.execute(_MATCHING, {"records": named})]
    found += connection.execute(_BY_NUMBER, {"records": others}) if others else []
    rows.update({(row.pool_key, row.number): row for row in found})
    amounts, matched = _corrected_amounts(connection, rows.values()), _matched_rows(rows)
    for place in named:
        row = rows[place]
        payment = _restated(book, by_key, row, amounts)
        # In their order: a payment of the account is where the last entry of the ledger that matched it named it.
        for other in matched.get(place, ()):
            if _is_ended(row, amounts) or _is_ended(other, amounts):
                payment.stay_at(other.source, other.effect, other.invoice_number)
            else:
                join(payment, _restated(book, by_key, other, amounts))


def _matched_rows(rows: Mapping[_Place, Row[Any]]) -> dict[_Place, list[Row[Any]]]:
    """Returns the rows of the other record that each row is or was matched with, in the order of their numbers."""
    found: dict[_Place, list[Row[Any]]] = {}
    for place, row in sorted(rows.items()):
        if (other := rows.get((row.pool_key, row.matches))) is not None:
            found.setdefault(place, []).append(other)
            found.setdefault((row.pool_key, row.matches), []).append(row)
    return {place: sorted(others, key=attrgetter("number")) for place, others in found.items()}


_Amounts = Mapping[tuple[int, str], Sequence[int]]
"""The amounts that corrections gave an entry, oldest first, by the key of its feed and its id."""


def _is_ended(row: Row[Any], amounts: _Amounts) -> bool:
    """Returns whether an entry was corrected to nothing, which ends its match."""
    return 0 in amounts.get((row.source_key, row.entry_id), ())


def _corrected_amounts(connection: Connection, rows: Iterable[Row[Any]]) -> _Amounts:
    records = [(row.source_key, row.entry_id) for row in rows]
    amounts: dict[tuple[int, str], list[int]] = {}
    for row in connection.execute(_CORRECTED, {"records": records}):
        amounts.setdefault((row.source_key, row.corrects), []).append(row.amount_minor)
    return amounts


_CORRECTED_IDS = RecordSet({"source": BigInteger, "id": Text}).rows
_CORRECTED = (
    select(_ENTRY.c.source_key, _ENTRY.c.corrects, _ENTRY.c.amount_minor)
    .join_from(
        _CORRECTED_IDS,
        _ENTRY,
        (_ENTRY.c.source_key == _CORRECTED_IDS.c.source)
        & (_ENTRY.c.corrects == _CORRECTED_IDS.c.id)
        & (_ENTRY.c.corrects != "")
        & (_ENTRY.c.leg == 0),
    )
    .order_by(_ENTRY.c.entry_key)
)


def _restated(book: PaymentBook, by_key: Mapping[int, str], row: Row[Any], amounts: _Amounts) -> Payment:
    """Adds a payment with its amount after corrections."""
    payment = _add(book, by_key, row)
    if corrected := amounts.get((row.source_key, row.entry_id)):
        payment.amount_minor, payment.is_corrected = corrected[-1], True
    return payment


def _add(book: PaymentBook, by_key: Mapping[int, str], row: Row[Any]) -> Payment:
    stated = "" if row.kind == EntryKind.UNAPPLIED else row.invoice_number
    payment = Payment(
        row.number, row.effective_us // DAY_US, row.source, stated, row.document, row.effect, row.invoice_number,
        row.amount_minor,
    )  # fmt: skip
    return book.add((by_key[row.pool_key], row.debtor, row.currency, row.amount_minor), payment)
