"""Computes the ladders of the pools among assets, as an input of their valuation.

A registered invoice is a pool of one invoice and takes the same path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.commands.pools.inputs import PoolAsset, pool_facts_of
from collateral_registry.commands.pools.lines import with_lines
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.claims import Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Detail
from collateral_registry.domain.book.policy import Policy, lineage
from collateral_registry.domain.receivables.computed_pool import computed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.pool_statement import PoolStatement, statement_of
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.pool_values import PoolValues, pool_value, pool_values
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts
from collateral_registry.store.assets.repository import assets_by_key
from collateral_registry.store.engine.bulk import Source
from valuation._typing import Int


@dataclass(frozen=True)
class Pools:
    """The values of pools; keys, statements and debtors of those that are registered."""

    values: PoolValues
    asset_keys: Sequence[int]
    statements: Sequence[PoolStatement]
    debtors: Sequence[DebtorFacts]


def pools_of(source: Source, assets: AssetFacts, policy: Policy, day: int, quoted: Mapping[int, Detail]) -> Pools:
    """Values the pools among the assets on a day.

    ``quoted`` holds the assets that are not registered, by the key that stands for them in ``assets``. Raises Refused
    if an amount of a pool is in no bucket or in two.
    """
    rows = _rows_of_pools(assets)
    if not len(rows):
        return Pools(PoolValues.none(), (), (), ())
    pools = _pools(source, assets, rows, quoted)
    classes = assets.asset_class[rows].tolist()
    named = [*zip(pools, classes, strict=True)]
    facts = with_lines(source, named, pool_facts_of(source, pools, day), policy, day)
    numbers = {name: policy.receivable_numbers(name) for name in set(classes)}
    values, statements = [], []
    for one, name in zip(facts, classes, strict=True):
        made = computed(one, numbers[name], day)
        value = pool_value(made, one.terms, one.ledger.entry_day, numbers[name], day)
        values.append(value)
        statements.append(statement_of(made, one.ledger.entry_number, (value.conservative, value.last_good)))
    registered = [at for at, pool in enumerate(pools) if pool.key > 0]
    return Pools(
        pool_values(rows.tolist(), values, [one.currency for one in pools]),
        [pools[at].key for at in registered],
        [statements[at] for at in registered],
        [facts[at].debtors for at in registered],
    )


def _rows_of_pools(assets: AssetFacts) -> Int:
    """Returns the rows of the assets whose class is one of receivables."""
    classes, code = codes_of(assets.asset_class)
    root = CLASS_ROOT[Kind.RECEIVABLE_POOL]
    is_pool = np.array([lineage(name)[0] == root for name in classes], dtype=np.bool_)
    return np.flatnonzero(is_pool[code]) if len(classes) else np.zeros(0, dtype=np.int64)


def _pools(source: Source, assets: AssetFacts, rows: Int, quoted: Mapping[int, Detail]) -> list[PoolAsset]:
    keys = assets.asset_key[rows]
    registered = assets_by_key(source, keys[~np.isin(keys, list(quoted))])
    found = []
    for key, currency in zip(keys.tolist(), assets.currency[rows].tolist(), strict=True):
        asset_id, detail = ("", quoted[key]) if key in quoted else (registered[key].asset_id, registered[key].detail)
        if isinstance(detail, Receivable | ReceivablePool):
            found.append(PoolAsset(key, asset_id, currency, detail))
    return found
