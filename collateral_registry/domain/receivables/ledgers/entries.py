"""Entries of invoice ledgers in columns, and the checks that need no knowledge of the ledgers.

Amounts are whole minor units of their currency. Times are microseconds from 1970-01-01 UTC. Missing strings are empty,
and days that are not stated are NO_DAY.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

import numpy as np

from collateral_registry.domain.feeds.column_checks import (
    add_problems,
    are_equal,
    is_given,
    passes,
    rows_with,
    rows_with_unclean_text,
    shown_text,
    shown_time,
)
from collateral_registry.domain.feeds.items import CLOCK_TOLERANCE_US, NOT_STATED, ItemProblem, Items, Problems
from collateral_registry.domain.receivables.ledger import EntryKind, EntrySource, InvoiceFlag
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.names import checked_id
from valuation._typing import Bool, Int

ENTRY_AMOUNT_LIMIT_MINOR = 10**14
"""The largest amount of an entry and of an invoice, so that sums over large pools stay exact in 64 bits."""

TYPE_CODE_LIMIT = 9_999

CREDIT_CODES = (81, 83, 261, 262, 296, 308, 381, 420, 458, 532)
"""Codes of UNTDID 1001 for credit notes, which are no claims on a debtor."""

FIRST_DAY, LAST_DAY = 0, 2_932_896
"""The first and the last day that an entry may state: 1970-01-01 and 9999-12-31."""

STATED_FLAGS = InvoiceFlag.CERTIFICATE | InvoiceFlag.BILL | InvoiceFlag.OTHER_PAYEE
"""Flags that an entry may state; the others are derived."""


class EntryRejectionReason(IntEnum):
    """Why an entry was not booked; the numeric values are stored and sent."""

    INVALID_FIELD = 1
    FOREIGN_POOL = 2
    UNKNOWN_INVOICE = 3
    INVOICE_EXISTS = 4
    CURRENCY_MISMATCH = 5
    ID_REUSED = 6
    UNKNOWN_ENTRY = 7
    FUTURE_TIME = 8
    FOREIGN_SOURCE = 9


@dataclass(frozen=True)
class PartnerScope:
    """What a partner may report: its pools, and the record that its feed keeps."""

    pools: frozenset[str]
    source: EntrySource = EntrySource.LEDGER


@dataclass(frozen=True)
class Entries(Items):
    """Entries [n] of invoice ledgers as reported, in columns.

    ``pool`` is the id of the asset, and ``debtor`` an id or ``scheme:value``. ``due_day`` is the release day of a
    RETENTION. ``to_pool`` is the other pool of a MOVE. An amount of 0 of a DISPUTE means the whole invoice.
    """

    entry_id: Sequence[str]
    kind: Sequence[int]
    effective_us: Sequence[int]
    pool: Sequence[str]
    debtor: Sequence[str]
    invoice_number: Sequence[str]
    type_code: Sequence[int]
    amount_minor: Sequence[int]
    currency: Sequence[str]
    issue_day: Sequence[int]
    due_day: Sequence[int]
    delivery_day: Sequence[int]
    flags: Sequence[int]
    to_pool: Sequence[str]
    corrects: Sequence[str]
    document: Sequence[str]
    source: Sequence[int]


WITHOUT_INVOICE = (EntryKind.CONTRA, EntryKind.UNAPPLIED)
"""Kinds that name a debtor but no invoice."""

WITHOUT_AMOUNT = (EntryKind.DISPUTE_END, EntryKind.DUE_DATE, EntryKind.DELIVERY, EntryKind.MOVE)
"""Kinds that have no amount."""

OF_ANY_AMOUNT = (EntryKind.DISPUTE, EntryKind.RETENTION, EntryKind.CONTRA, EntryKind.CORRECTION)
"""Kinds whose amount may be 0."""

OF_ACCOUNT = (EntryKind.PAYMENT, EntryKind.CORRECTION)
"""Kinds that the collection account reports."""

WANTED = {
    "entry_id": "1 to 200 printable characters without spaces around them",
    "kind": "a kind of entry",
    "pool": "assets/{asset}, of 1 to 63 lower case letters, digits and hyphens",
    "to_pool": "another pool for a MOVE, none for other kinds",
    "debtor": "debtors/{debtor}, or an identifier such as lei:529900T8BM49AURSDO55",
    "invoice_number": "1 to 200 printable characters without spaces around them; none for UNAPPLIED and CONTRA",
    "type_code": "a code of UNTDID 1001 such as 380, or 0; a credit note is a CREDIT_NOTE or UNAPPLIED",
    "amount": "more than 0 and at most 10^14 minor units; 0 or more for DISPUTE, RETENTION, CONTRA and CORRECTION; "
    "none for DISPUTE_END, DUE_DATE, DELIVERY and MOVE",
    "currency_code": "a code of ISO 4217, with every amount, and with a CONTRA of 0",
    "issue_date": "a date from 1970-01-01",
    "due_date": "a date from 1970-01-01; DUE_DATE and RETENTION need one",
    "delivery_date": "a date from 1970-01-01",
    "flags": "certificate, bill and other payee, of an INVOICE only",
    "corrects": "the id of another entry for a CORRECTION, none for other kinds",
    "document": "at most 200 printable characters",
    "source": "LEDGER; or ACCOUNT, for PAYMENT and CORRECTION only",
    "effective_time": "a time after 1970-01-01",
}
"""The valid content of each field of an entry, as stated in messages."""

_COLUMN_OF = {
    "amount": "amount_minor",
    "currency_code": "currency",
    "issue_date": "issue_day",
    "due_date": "due_day",
    "delivery_date": "delivery_day",
    "effective_time": "effective_us",
}
"""Columns of which the field in the contract has another name."""


def problems_of(batch: Entries, scope: PartnerScope | None, now_us: int) -> Problems:
    """Returns the problems that each row has independently of the ledgers; ``scope`` None permits every pool."""
    kind = np.array(batch.kind, dtype=np.int64)
    found: Problems = {}
    wrong = (*_wrong_texts(batch), *_wrong_by_kind(batch, kind), *_wrong_numbers(batch, kind))
    for name, rows in wrong:
        _add(found, rows, EntryRejectionReason.INVALID_FIELD, batch, name, WANTED[name])
    _check_times(found, batch, kind, now_us)
    if scope is not None:
        _check_scope(found, batch, scope)
    return found


def _add(
    found: Problems, rows: Collection[int], reason: EntryRejectionReason, batch: Entries, name: str, want: str
) -> None:
    column = getattr(batch, _COLUMN_OF.get(name, name))
    add_problems(found, rows, reason, lambda row: f"{name}: got {_shown(batch, name, column[row], row)}, want {want}")


def _shown(batch: Entries, name: str, value: object, row: int) -> str:
    """Returns the value of a field as the partner states it."""
    if isinstance(value, int):
        if name == "effective_time":
            return shown_time(value)
        if name.endswith("_date"):
            return "nothing" if value == NO_DAY else f"{np.datetime64(value, 'D')}"
        if name == "amount":
            return "nothing" if value == NOT_STATED else shown_amount(value, batch.currency[row])
    return shown_text(value)


def shown_amount(amount_minor: int, currency: str) -> str:
    """Returns an amount as messages show it; in minor units if the currency is not known."""
    if not is_currency(currency):
        return f"{amount_minor} minor units"
    return f"{Decimal(amount_minor).scaleb(-digits_of(currency)):f} {currency}"


def is_currency(code: str) -> bool:
    """Returns whether a text is the code of a currency in use."""
    return passes(lambda _, text: digits_of(text), code)


def _wrong_texts(batch: Entries) -> list[tuple[str, list[int]]]:
    """Returns the rows of each string column that hold an invalid string."""
    names = ("entry_id", "debtor", "invoice_number", "corrects", "document")
    wrong = [(name, rows_with_unclean_text(getattr(batch, name))) for name in names]
    for name in ("pool", "to_pool"):
        column = getattr(batch, name)
        wrong.append((name, rows_with(column, {text for text in set(column) if text and not passes(checked_id, text)})))
    unknown = {code for code in set(batch.currency) if code and not is_currency(code)}
    wrong.append(("currency_code", rows_with(batch.currency, unknown)))
    return wrong


def _wrong_by_kind(batch: Entries, kind: Int) -> list[tuple[str, list[int]]]:
    """Returns the rows that lack a field that their kind requires, or have one that it does not permit."""
    given = {name: is_given(getattr(batch, name)) for name in ("pool", "debtor", "invoice_number", "to_pool")}
    corrects, moves = kind == EntryKind.CORRECTION, kind == EntryKind.MOVE
    without_invoice = np.isin(kind, WITHOUT_INVOICE)
    from_account = np.array(batch.source, dtype=np.int64) == EntrySource.ACCOUNT
    needs_number = ~without_invoice & ~corrects & ~((kind == EntryKind.PAYMENT) & from_account)
    wrong: dict[str, Bool] = {
        "entry_id": ~is_given(batch.entry_id),
        "kind": (kind < 1) | (kind > len(EntryKind)),
        "pool": ~corrects & ~given["pool"],
        "debtor": ~corrects & ~given["debtor"],
        "invoice_number": (needs_number & ~given["invoice_number"]) | (without_invoice & given["invoice_number"]),
        "to_pool": moves != given["to_pool"],
        "corrects": corrects != is_given(batch.corrects),
        "source": ~np.isin(batch.source, list(EntrySource)) | (from_account & ~np.isin(kind, OF_ACCOUNT)),
    }
    if moves.any():
        wrong["to_pool"] |= moves & are_equal(batch.pool, batch.to_pool)
    return _rows_of(wrong)


def _wrong_numbers(batch: Entries, kind: Int) -> list[tuple[str, list[int]]]:
    amount, code = np.array(batch.amount_minor, dtype=np.int64), np.array(batch.type_code, dtype=np.int64)
    flags = np.array(batch.flags, dtype=np.int64)
    has_none = np.isin(kind, WITHOUT_AMOUNT)
    is_wrong = (amount < 0) | (amount > ENTRY_AMOUNT_LIMIT_MINOR)
    is_wrong |= np.where(has_none, amount != 0, (amount == 0) & ~np.isin(kind, OF_ANY_AMOUNT))
    is_claim = np.isin(kind, (EntryKind.INVOICE, EntryKind.CORRECTION))
    wrong = {
        "amount": is_wrong,
        "currency_code": ((amount != 0) | (kind == EntryKind.CONTRA)) & ~is_given(batch.currency),
        "type_code": (code < 0) | (code > TYPE_CODE_LIMIT) | (is_claim & np.isin(code, CREDIT_CODES)),
        "flags": ((flags & ~int(STATED_FLAGS)) != 0) | ((flags != 0) & (kind != EntryKind.INVOICE)),
    }
    for name in ("issue_date", "due_date", "delivery_date"):
        day = np.array(getattr(batch, _COLUMN_OF[name]), dtype=np.int64)
        wrong[name] = ((day < FIRST_DAY) | (day > LAST_DAY)) & (day != NO_DAY)
        if name == "due_date":
            wrong[name] |= np.isin(kind, (EntryKind.DUE_DATE, EntryKind.RETENTION)) & (day == NO_DAY)
    return _rows_of(wrong)


def _rows_of(wrong: dict[str, Bool]) -> list[tuple[str, list[int]]]:
    return [(name, np.flatnonzero(rows).tolist()) for name, rows in wrong.items() if rows.any()]


def _check_times(found: Problems, batch: Entries, kind: Int, now_us: int) -> None:
    """Adds problems for missing and future times; a correction without a time is effective when it is received."""
    time = np.array(batch.effective_us, dtype=np.int64)
    latest = now_us + CLOCK_TOLERANCE_US
    missing = (time < 0) | ((time == 0) & (kind != EntryKind.CORRECTION))
    add = (
        (missing, EntryRejectionReason.INVALID_FIELD, WANTED["effective_time"]),
        (time > latest, EntryRejectionReason.FUTURE_TIME, f"not after {shown_time(latest)}, five minutes from now"),
    )
    for rows, reason, want in add:
        if rows.any():
            _add(found, np.flatnonzero(rows).tolist(), reason, batch, "effective_time", want)


def _check_scope(found: Problems, batch: Entries, scope: PartnerScope) -> None:
    for name in ("pool", "to_pool"):
        column = getattr(batch, name)
        rows = rows_with(column, {text for text in set(column) if text and text not in scope.pools})
        _add(found, rows, EntryRejectionReason.FOREIGN_POOL, batch, name, "a pool of the feed")
    foreign = [row for row, source in enumerate(batch.source) if source != scope.source]
    _add(found, foreign, EntryRejectionReason.FOREIGN_SOURCE, batch, "source", f"{scope.source.name}, as configured")


def check_feeds(
    found: Problems, batch: Entries, feed: str, feed_of: Mapping[str, str], pool_of: Mapping[str, str]
) -> None:
    """Adds a problem for each entry of a ledger that another feed keeps.

    ``feed_of`` holds the feed of each pool that is registered with one, ``pool_of`` the pool of each earlier entry that
    a row repeats or corrects. Entries of the collection account may come from any feed. A repeated entry is known.
    """
    foreign = {pool: other for pool, other in feed_of.items() if other != feed}
    if not foreign:
        return
    rows = zip(batch.entry_id, batch.pool, batch.to_pool, batch.corrects, batch.source, strict=True)
    for row, (entry_id, pool, to_pool, corrects, source) in enumerate(rows):
        if source == EntrySource.ACCOUNT or entry_id in pool_of:
            continue
        for name, one in (("pool", pool or pool_of.get(corrects, "")), ("to_pool", to_pool)):
            if one in foreign:
                text = f"{name}: got assets/{one}, whose entries invoiceFeeds/{foreign[one]} reports, want a pool of "
                problem = ItemProblem(EntryRejectionReason.FOREIGN_POOL, f"{text}invoiceFeeds/{feed}")
                found.setdefault(row, problem)
