"""Stores which debtors the ledgers of pools name, so that pools that share a debtor find each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select, update

from collateral_registry.store.engine.bulk import Source, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.key_sets import KEYS, TEXTS, is_one_of
from collateral_registry.store.schema.debtors import IS_NEWEST_OF_DEBTOR, DebtorRevisionRow, DebtorRow
from collateral_registry.store.schema.valuations import PoolDebtorRow
from valuation._typing import Columns, Int


def note_debtors(write: Write, asset_key: int, debtor_keys: Mapping[str, int]) -> None:
    """Records the debtors that a pool names, by the text that states each; the key is 0 for one not registered."""
    if not debtor_keys:
        return
    known = read_columns(write.connection, _OF_POOL, {"keys": [asset_key]})
    before = dict(zip(known["stated"].tolist(), known["debtor_key"].tolist(), strict=True))
    added = [
        {"asset_key": asset_key, "stated": text, "debtor_key": key}
        for text, key in debtor_keys.items()
        if text not in before
    ]
    moved = [
        {"of_asset": asset_key, "of_text": text, "debtor_key": key}
        for text, key in debtor_keys.items()
        if before.get(text, key) != key
    ]
    if added:
        write.connection.execute(insert(PoolDebtorRow), added)
    if moved:
        write.connection.execute(_MOVE, moved)


_OF_POOL = select(PoolDebtorRow.stated, PoolDebtorRow.debtor_key).where(is_one_of(PoolDebtorRow.asset_key, KEYS))
_MOVE = (
    update(PoolDebtorRow.__table__)
    .where(PoolDebtorRow.asset_key == bindparam("of_asset"), PoolDebtorRow.stated == bindparam("of_text"))
    .values(debtor_key=bindparam("debtor_key"))
)


def pools_of_debtors(source: Source, debtor_keys: Int) -> Columns:
    """Returns the pools that name debtors: ``asset_key`` and ``debtor_key``, ordered by both."""
    return read_columns(source, _OF_DEBTORS, {"keys": debtor_keys})


_OF_DEBTORS = (
    select(PoolDebtorRow.asset_key, PoolDebtorRow.debtor_key)
    .where(is_one_of(PoolDebtorRow.debtor_key, KEYS))
    .distinct()
    .order_by(PoolDebtorRow.asset_key, PoolDebtorRow.debtor_key)
)


def pools_naming(source: Source, debtor_keys: Int, texts: Iterable[str]) -> Int:
    """Returns the sorted keys of the pools that name a debtor by its key or by one of the normal texts."""
    by_key = pools_of_debtors(source, debtor_keys)["asset_key"]
    return np.union1d(by_key, read_columns(source, _NAMING, {"texts": list(texts)})["asset_key"])


_NAMING = select(PoolDebtorRow.asset_key).where(is_one_of(PoolDebtorRow.stated, TEXTS))


def pools_sharing_lines(connection: Connection, asset_keys: Int) -> Int:
    """Returns the sorted keys of the pools that name a debtor with a line that one of the assets names."""
    return np.sort(read_keys(connection, _SHARING, {"keys": asset_keys}))


_LINED = (
    select(PoolDebtorRow.debtor_key)
    .join(DebtorRow, DebtorRow.debtor_key == PoolDebtorRow.debtor_key)
    .join(DebtorRevisionRow, IS_NEWEST_OF_DEBTOR)
    .where(is_one_of(PoolDebtorRow.asset_key, KEYS), DebtorRevisionRow.line_minor >= 0)
)
_SHARING = select(PoolDebtorRow.asset_key).where(PoolDebtorRow.debtor_key.in_(_LINED)).distinct()
