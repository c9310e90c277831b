"""Keeps ledgers of large pools in memory, and brings them up to date by the entries that were booked since.

A kept ledger is named by its newest entry. Entries are appended and never changed, so that the same entry is always
the newest of the same ledger.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import BigInteger, Connection, Engine, Select, Table, Text, and_, bindparam, select

from collateral_registry.domain.receivables.ledger import EntryKind, PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import (
    BALANCE_COLUMNS,
    INVOICE_COLUMNS,
    DebtorRows,
    by_debtor,
    in_order,
    joined_rows,
    pool_ledger,
)
from collateral_registry.domain.receivables.single_invoice import empty_ledger
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
    """The rows of each debtor of a pool up to the entry ``entry_number``; unchanged ones are shared with later ledgers.

    ``entry_day`` is that of :class:`PoolLedger`, and ``newest`` key and time of receipt of the newest entry.
    """

    pool_key: int
    entry_number: int
    entry_day: int
    newest: tuple[int, int]
    debtors: Mapping[str, DebtorRows]

    def ledger(self, debtors: Collection[str] | None = None) -> PoolLedger:
        """Returns the whole ledger, or that of some debtors."""
        names = sorted(self.debtors if debtors is None else self.debtors.keys() & debtors)
        if not names:
            return replace(empty_ledger(self.pool_key), entry_number=self.entry_number, entry_day=self.entry_day)
        rows = joined_rows([self.debtors[name] for name in names])
        return pool_ledger(self.pool_key, self.entry_number, self.entry_day, *rows)

    def changed_since(self, before: KeptLedger) -> set[str]:
        """Returns the debtors whose rows differ from those of an earlier ledger."""
        return {name for name, rows in self.debtors.items() if before.debtors.get(name) is not rows}

    @cached_property
    def invoices(self) -> int:
        """The number of invoices."""
        return self.count(self.debtors)

    def count(self, debtors: Collection[str]) -> int:
        """Returns the number of invoices of some debtors."""
        return sum(len(self.debtors[name].invoices["debtor"]) for name in debtors if name in self.debtors)


class KeptLedgers:
    """The kept ledgers of one database by the keys of their pools; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, KeptLedger] = OrderedDict()
        self._invoices = 0

    @property
    def pool_keys(self) -> list[int]:
        """The pools whose ledgers are kept, the one that was used least recently first."""
        return list(self._kept)

    def keep(self, one: KeptLedger) -> None:
        """Keeps a ledger unless a newer one of its pool is kept."""
        with self._lock:
            before = self._kept.get(one.pool_key)
            if before is not None and before.entry_number > one.entry_number:
                return
            self._invoices += one.invoices - (0 if before is None else before.invoices)
            self._kept[one.pool_key] = one
            self._kept.move_to_end(one.pool_key)
            while len(self._kept) > 1 and self._invoices > INVOICES_LIMIT:
                self._invoices -= self._kept.popitem(last=False)[1].invoices

    def get(self, pool_key: int) -> KeptLedger | None:
        """Returns the kept ledger of a pool, which may be older or newer than the present one."""
        with self._lock:
            return self._kept.get(pool_key)

    def present(self, connection: Connection, pool_key: int, entry_number: int, entry_day: int) -> KeptLedger | None:
        """Returns the ledger of a pool at its newest entry, and keeps it; None if no ledger up to that is kept."""
        before = self.get(pool_key)
        if before is None or before.entry_number > entry_number:
            return None
        named = {"pool": pool_key, "first": before.entry_number, "last": entry_number}
        entries = read_columns(connection, _SINCE, named)
        if not len(entries["number"]) or _place(entries, 0) != before.newest:
            return None  # another ledger than the kept one, such as that of a restored database
        after = before
        if len(entries["number"]) > 1:
            debtors = {**before.debtors, **_changed(connection, before, entries)}
            after = KeptLedger(pool_key, entry_number, entry_day, _place(entries, -1), debtors)
        self.keep(after)
        return after


def kept_ledgers(connection: Connection) -> KeptLedgers:
    """Returns the kept ledgers of the database of a connection."""
    return _KEPT.setdefault(connection.engine, KeptLedgers())


_KEPT: WeakKeyDictionary[Engine, KeptLedgers] = WeakKeyDictionary()


def newest_entry(connection: Connection, pool_key: int, entry_number: int) -> tuple[int, int]:
    """Returns key and time of receipt of an entry of a pool."""
    return _place(read_columns(connection, _SINCE, {"pool": pool_key, "first": entry_number, "last": entry_number}), 0)


def _changed(connection: Connection, before: KeptLedger, entries: Columns) -> dict[str, DebtorRows]:
    """Returns the rows of the debtors that further entries name; the first entry is the newest one before."""
    key = before.pool_key
    debtor, number, amount = (entries[name].tolist()[1:] for name in ("debtor", "invoice_number", "amount_minor"))
    named: dict[str, set[str]] = {}
    for name, one in zip(debtor, number, strict=True):
        named.setdefault(name, set()).add(one)
    # A credit note, or its correction, also marks the invoices of its amount that were issued again.
    is_credit = entries["effect"][1:] == EntryKind.CREDIT_NOTE
    credited = {(key, debtor[row], amount[row]) for row in np.flatnonzero(is_credit).tolist()}
    invoices = in_order(
        _joined(
            [
                read_columns(
                    connection, _NAMED, {"records": [(key, name, one) for name in named for one in named[name]]}
                ),
                read_columns(connection, _OF_AMOUNT, {"records": credited}),
            ]
        )
    )
    balances = read_columns(connection, _OF_DEBTORS, {"records": [(key, name) for name in named]})
    read = by_debtor(invoices, balances)
    none = DebtorRows(*({name: one[:0] for name, one in columns.items()} for columns in (invoices, balances)))
    return {
        name: before.debtors.get(name, none).after(numbers, rows.invoices, rows.balances)
        for name, numbers in named.items()
        for rows in (read.get(name, none),)
    }


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in INVOICE_COLUMNS}


def _place(entries: Columns, row: int) -> tuple[int, int]:
    return int(entries["entry_key"][row]), int(entries["received_us"][row])


_SINCE = (
    select(
        *columns_of(InvoiceEntryRow, "number", "entry_key", "received_us", "effect"),
        *columns_of(InvoiceEntryRow, "debtor", "invoice_number", "amount_minor"),
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
