"""Keeps ledgers of large pools in memory, and brings them up to date by the entries that were booked since.

A kept ledger is named by its newest entry. Entries are appended and never changed, so that the same entry is always
the newest of the same ledger.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import BigInteger, Connection, Engine, Select, Table, Text, and_, bindparam, select

from collateral_registry.domain.receivables.ledger import EntryKind, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import (
    BALANCE_COLUMNS,
    INVOICE_COLUMNS,
    pool_ledger,
    with_balances,
    with_invoices,
)
from collateral_registry.store.engine.bulk import read_columns
from collateral_registry.store.engine.key_sets import RecordSet
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.schema.receivables import DebtorBalanceRow, InvoiceEntryRow, InvoiceRow
from valuation._typing import Columns

INVOICES_LIMIT = 1_000_000
"""Invoices of all kept ledgers of a database, about 300 MB; the one that was used least recently is dropped first."""

SMALL_LEDGER = 1_000
"""A ledger with fewer entries is not kept: it is read as fast."""


@dataclass(frozen=True)
class KeptLedger:
    """A ledger, and the stored columns of invoices and balances from which it follows.

    ``newest`` is key and time of receipt of the newest entry.
    """

    ledger: PoolLedger
    invoices: Columns
    balances: Columns
    newest: tuple[int, int]

    @property
    def number(self) -> int:
        """The number of the newest entry."""
        return self.ledger.entry_number

    @property
    def count(self) -> int:
        """The number of invoices."""
        return len(self.ledger.open_minor)


class KeptLedgers:
    """The kept ledgers of one database by the keys of their pools; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, KeptLedger] = OrderedDict()

    @property
    def pool_keys(self) -> list[int]:
        """The pools whose ledgers are kept, the one that was used least recently first."""
        return list(self._kept)

    def keep(self, one: KeptLedger) -> None:
        """Keeps a ledger unless a newer one of its pool is kept."""
        key = one.ledger.pool_key
        with self._lock:
            before = self._kept.get(key)
            if before is not None and before.number > one.number:
                return
            self._kept[key] = one
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(each.count for each in self._kept.values()) > INVOICES_LIMIT:
                self._kept.popitem(last=False)

    def present(self, connection: Connection, pool_key: int, entry_number: int, entry_day: int) -> PoolLedger | None:
        """Returns the ledger of a pool at its newest entry, and keeps it; None if no ledger up to that is kept."""
        with self._lock:
            before = self._kept.get(pool_key)
        if before is None or before.number > entry_number:
            return None
        entries = read_columns(connection, _SINCE, {"pool": pool_key, "first": before.number, "last": entry_number})
        if not len(entries["number"]) or _place(entries, 0) != before.newest:
            return None  # another ledger than the kept one, such as that of a restored database
        after = _continued(connection, before, entries, entry_number, entry_day)
        self.keep(after)
        return after.ledger


def kept_ledgers(connection: Connection) -> KeptLedgers:
    """Returns the kept ledgers of the database of a connection."""
    return _KEPT.setdefault(connection.engine, KeptLedgers())


_KEPT: WeakKeyDictionary[Engine, KeptLedgers] = WeakKeyDictionary()


def newest_entry(connection: Connection, pool_key: int, entry_number: int) -> tuple[int, int]:
    """Returns key and time of receipt of an entry of a pool."""
    return _place(read_columns(connection, _SINCE, {"pool": pool_key, "first": entry_number, "last": entry_number}), 0)


def _continued(
    connection: Connection, before: KeptLedger, entries: Columns, entry_number: int, entry_day: int
) -> KeptLedger:
    """Returns a ledger after further entries, of which the first is the newest one before."""
    if len(entries["number"]) == 1:
        return before
    key = before.ledger.pool_key
    debtor, number, amount = (entries[name].tolist()[1:] for name in ("debtor", "invoice_number", "change_minor"))
    named = sorted({*zip(debtor, number, strict=True)})
    # A credit note also marks the invoices of its amount that were issued again.
    is_credit = entries["kind"][1:] == EntryKind.CREDIT_NOTE
    credited = sorted({(debtor[row], amount[row]) for row in np.flatnonzero(is_credit).tolist()})
    debtors = sorted(set(debtor))
    changed = [
        read_columns(connection, _NAMED, {"records": [(key, *one) for one in named]}),
        read_columns(connection, _OF_AMOUNT, {"records": [(key, *one) for one in credited]}),
    ]
    owed = read_columns(connection, _OF_DEBTORS, {"records": [(key, one) for one in debtors]})
    invoices = with_invoices(before.invoices, named, _joined(changed))
    balances = with_balances(before.balances, debtors, owed)
    ledger = pool_ledger(key, entry_number, entry_day, invoices, balances)
    return KeptLedger(ledger, invoices, balances, _place(entries, -1))


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in INVOICE_COLUMNS}


def _place(entries: Columns, row: int) -> tuple[int, int]:
    return int(entries["entry_key"][row]), int(entries["received_us"][row])


_SINCE = (
    select(
        *columns_of(InvoiceEntryRow, "number", "entry_key", "received_us", "kind"),
        *columns_of(InvoiceEntryRow, "debtor", "invoice_number", "change_minor"),
    )
    .where(
        InvoiceEntryRow.pool_key == bindparam("pool"),
        InvoiceEntryRow.number.between(bindparam("first"), bindparam("last")),
    )
    .order_by(InvoiceEntryRow.number)
)
_INVOICE, _BALANCE = InvoiceRow.__table__, DebtorBalanceRow.__table__


def _of_records(table: Table, names: Sequence[str], by: Mapping[str, Any]) -> Select[Any]:
    """Returns the select of the rows of a table whose columns equal a record."""
    records = RecordSet(by).rows
    equal = [table.c[name] == records.c[name] for name in by]
    return select(*(table.c[name] for name in names)).join_from(records, table, and_(*equal))


_OF_POOL = {"pool_key": BigInteger, "debtor": Text}
_NAMED = _of_records(_INVOICE, INVOICE_COLUMNS, {**_OF_POOL, "invoice_number": Text})
_OF_AMOUNT = _of_records(_INVOICE, INVOICE_COLUMNS, {**_OF_POOL, "face_minor": BigInteger})
_OF_DEBTORS = _of_records(_BALANCE, BALANCE_COLUMNS, _OF_POOL)
