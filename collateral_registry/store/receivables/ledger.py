"""Reads the ledgers of pools as columns: as they are now, and as of an entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, select

from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.ledgers.ledger_columns import (
    BALANCE_COLUMNS,
    INVOICE_COLUMNS,
    by_debtor,
    columns_of_state,
    in_order,
    pool_ledger,
)
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect, replayed
from collateral_registry.store.engine.bulk import Source, one_snapshot, read_columns
from collateral_registry.store.engine.key_sets import TEXTS, KeyedSelect, is_one_of
from collateral_registry.store.engine.rows import columns_of
from collateral_registry.store.receivables.kept_ledgers import SMALL_LEDGER, KeptLedger, kept_ledgers, newest_entry
from collateral_registry.store.schema.receivables import (
    DebtorBalanceRow,
    InvoiceEntryRow,
    InvoicePoolRow,
    InvoiceRow,
)
from valuation._typing import Columns, Int


def ledgers_of(source: Source, pool_keys: Int | Sequence[int]) -> dict[int, PoolLedger]:
    """Returns the present ledgers of pools, by key.

    Of a ledger that is kept in memory only the invoices are read that later entries name.
    """
    with one_snapshot(source) as snapshot:
        pools = _pools(snapshot, np.asarray(pool_keys, dtype=np.int64))
        kept = _kept(snapshot, pools)
        rest = [one for one in pools if one.pool_key not in kept]
        read = {one.pool_key: pool_ledger(*one, *columns) for one, columns in _read(snapshot, rest)}
    return {key: kept[key].ledger() if key in kept else read[key] for key, _, _ in pools}


def present_ledgers(connection: Connection, pool_keys: Int) -> dict[int, KeptLedger]:
    """Returns the present ledgers of those pools whose ledgers are kept, by key."""
    with one_snapshot(connection) as snapshot:
        return _kept(snapshot, _pools(snapshot, pool_keys))


def keep_ledgers(connection: Connection, pool_keys: Int) -> None:
    """Keeps the present ledgers of large pools in memory, so that a change reads only what it names."""
    pools = _pools(connection, pool_keys)
    kept = _kept(connection, pools)
    large = [one for one in pools if one.pool_key not in kept and one.entry_number >= SMALL_LEDGER]
    for one, columns in _read(connection, large):
        newest = newest_entry(connection, one.pool_key, one.entry_number)
        kept_ledgers(connection).keep(KeptLedger(*one, newest, by_debtor(*columns)))


class _Pool(NamedTuple):
    """A pool with number and day of its newest entry."""

    pool_key: int
    entry_number: int
    entry_day: int


def _pools(source: Source, keys: Int) -> list[_Pool]:
    columns = read_columns(source, *_POOLS.of(keys))
    return list(map(_Pool._make, zip(*(columns[name].tolist() for name in _Pool._fields), strict=True)))


def _kept(source: Source, pools: Sequence[_Pool]) -> dict[int, KeptLedger]:
    """Returns the present ledgers of those pools whose ledgers are kept."""
    if not isinstance(source, Connection):
        return {}
    ledgers = kept_ledgers(source)
    found = {one.pool_key: ledgers.present(source, *one) for one in pools}
    return {key: ledger for key, ledger in found.items() if ledger is not None}


def _read(source: Source, pools: Sequence[_Pool]) -> list[tuple[_Pool, tuple[Columns, Columns]]]:
    """Returns the invoices of each pool in the order of their names, and its balances."""
    if not pools:
        return []
    keys = np.array([one.pool_key for one in pools], dtype=np.int64)
    invoices = _by_pool(keys, read_columns(source, *_INVOICES.of(keys)))
    balances = _by_pool(keys, read_columns(source, *_BALANCES.of(keys)))
    return [(one, (in_order(invoices[one.pool_key]), balances[one.pool_key])) for one in pools]


_POOLS = KeyedSelect(
    select(*columns_of(InvoicePoolRow, *_Pool._fields)).order_by(InvoicePoolRow.pool_key),
    InvoicePoolRow.pool_key,
)
_INVOICES = KeyedSelect(
    select(*columns_of(InvoiceRow, "pool_key", *INVOICE_COLUMNS)).order_by(InvoiceRow.pool_key), InvoiceRow.pool_key
)
_BALANCES = KeyedSelect(
    select(*columns_of(DebtorBalanceRow, "pool_key", *BALANCE_COLUMNS)).order_by(DebtorBalanceRow.pool_key),
    DebtorBalanceRow.pool_key,
)


def _by_pool(keys: Int, columns: Columns) -> dict[int, Columns]:
    """Returns the rows of each pool; the rows are in the order of their pools."""
    pool = columns["pool_key"]
    starts, ends = np.searchsorted(pool, keys, "left"), np.searchsorted(pool, keys, "right")
    parts = zip(keys.tolist(), starts.tolist(), ends.tolist(), strict=True)
    rest = {name: column for name, column in columns.items() if name != "pool_key"}
    return {key: {name: column[start:end] for name, column in rest.items()} for key, start, end in parts}


def ledger_at(source: Source, pool_key: int, entry_number: int) -> PoolLedger:
    """Returns the ledger of a pool as of one of its entries; 0 is the empty ledger before the first."""
    columns = read_columns(source, _ENTRIES, {"pool": pool_key, "last": entry_number})
    effects = map(Effect._make, zip(*(columns[name].tolist() for name in Effect._fields), strict=True))
    state = replayed("", effects)
    return pool_ledger(pool_key, state.entry_number, state.entry_day, *columns_of_state(state))


_ENTRIES = (
    select(*columns_of(InvoiceEntryRow, *Effect._fields))
    .where(InvoiceEntryRow.pool_key == bindparam("pool"), InvoiceEntryRow.number <= bindparam("last"))
    .order_by(InvoiceEntryRow.number)
)


def pool_keys_of(source: Source, pool_ids: Sequence[str]) -> dict[str, int]:
    """Returns the keys of pools by the ids of their assets; a pool without entries has none."""
    columns = read_columns(source, _KEYS_OF, {"texts": pool_ids})
    return dict(zip(columns["pool_id"].tolist(), columns["pool_key"].tolist(), strict=True))


_KEYS_OF = select(*columns_of(InvoicePoolRow, "pool_id", "pool_key")).where(is_one_of(InvoicePoolRow.pool_id, TEXTS))
