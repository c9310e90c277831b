"""Computes the ladders of the pools among assets, as an input of their valuation.

A registered invoice is a pool of one invoice and takes the same path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.commands.pools.inputs import PoolAsset, pool_inputs_of
from collateral_registry.commands.pools.kept_pools import is_divisible, keep_pools, kept_pool, kept_pools, recalled
from collateral_registry.commands.pools.lines import with_lines
from collateral_registry.domain.assets.asset_kind import CLASS_ROOT, Kind
from collateral_registry.domain.assets.claims import Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Detail
from collateral_registry.domain.book.policy import Policy, lineage
from collateral_registry.domain.receivables.changes.computed_pool import ComputedPool, computed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.pool_facts import PoolTerms
from collateral_registry.domain.receivables.pool_statement import PoolStatement, statement_of
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.string_interner import codes_of
from collateral_registry.domain.valuations.pool_values import PoolValues, pool_value, pool_values
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts
from collateral_registry.store.assets.repository import assets_by_key
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.receivables.kept_ledgers import kept_ledgers
from collateral_registry.store.receivables.ledger import pool_keys_of, present_ledgers
from valuation._typing import Int


@dataclass(frozen=True)
class Pools:
    """The values of pools; keys and statements of those that are registered, and the debtors that their facts name.

    These are the debtors of the ledger and the one as which the owner is registered: keys by the texts that state them,
    0 for a debtor that is not registered.
    """

    values: PoolValues
    asset_keys: Sequence[int]
    statements: Sequence[PoolStatement]
    debtors: Sequence[Mapping[str, int]]


def pools_of(
    source: Source,
    assets: AssetFacts,
    policy: Policy,
    day: int,
    quoted: Mapping[int, Detail],
    entry_numbers: Mapping[int, int],
) -> Pools:
    """Values the pools among the assets on a day.

    ``quoted`` holds the assets that are not registered, by the key that stands for them in ``assets``, and
    ``entry_numbers`` the newest entry that counts of some pools by key. Raises Refused if an amount of a pool is in no
    bucket or in two.
    """
    rows = _rows_of_pools(assets)
    if not len(rows):
        return Pools(PoolValues.none(), (), (), ())
    pools = _pools(source, assets, rows, quoted)
    classes = assets.asset_class[rows].tolist()
    numbers = {name: policy.receivable_numbers(name) for name in set(classes)}
    named = [*zip(pools, classes, strict=True)]
    made = _changed_pools(source, [one for one in named if one[0].key not in entry_numbers], numbers, day)
    rest = [(pool, name) for pool, name in named if pool.key not in made]
    made |= _whole_pools(source, rest, policy, day, entry_numbers)
    values, statements = [], []
    for pool, name in named:
        one = made[pool.key]
        value = pool_value(one.pool, one.terms, one.entry_day, numbers[name], day)
        values.append(value)
        statements.append(statement_of(one.pool, one.entry_number, (value.conservative, value.last_good)))
    registered = [at for at, pool in enumerate(pools) if pool.key > 0]
    return Pools(
        pool_values(rows.tolist(), values, [one.currency for one in pools]),
        [pools[at].key for at in registered],
        [statements[at] for at in registered],
        [_named(made[pools[at].key]) for at in registered],
    )


@dataclass(frozen=True)
class _Made:
    """A computed pool with its terms, its newest entry, and debtors that are to be noted for it."""

    pool: ComputedPool
    terms: PoolTerms
    entry_number: int
    entry_day: int
    debtors: DebtorFacts


def _named(one: _Made) -> dict[str, int]:
    owner = {one.terms.owner: one.terms.owner_key} if one.terms.owner else {}
    return owner | dict(zip(one.debtors.stated.tolist(), one.debtors.debtor_key.tolist(), strict=True))


def _changed_pools(
    source: Source, named: Sequence[tuple[PoolAsset, str]], numbers: Mapping[str, ReceivableNumbers], day: int
) -> dict[int, _Made]:
    """Returns, by key of the asset, the pools that are computed as a change of what is kept of them."""
    if not isinstance(source, Connection):
        return {}
    ids = {pool.asset_id: (pool, name) for pool, name in named if kept_pools(source).get(pool.key) is not None}
    keys = pool_keys_of(source, list(ids)) if ids else {}
    ledgers = present_ledgers(source, np.array(sorted(keys.values()), dtype=np.int64)) if keys else {}
    found, kept = {}, []
    for asset_id, (pool, name) in ids.items():
        ledger = ledgers.get(keys.get(asset_id, 0))
        again = None if ledger is None else recalled(source, pool, ledger, numbers[name], day)
        if again is not None:
            one, added = again
            kept.append(one)
            found[pool.key] = _Made(one.pool, one.known.terms, one.ledger.entry_number, one.ledger.entry_day, added)
    keep_pools(source, kept)
    return found


def _whole_pools(
    source: Source, named: Sequence[tuple[PoolAsset, str]], policy: Policy, day: int, entry_numbers: Mapping[int, int]
) -> dict[int, _Made]:
    """Returns pools that are computed as a whole by key of the asset, and keeps those that a change can divide."""
    inputs = pool_inputs_of(source, [pool for pool, _ in named], day, entry_numbers)
    facts = with_lines(source, named, [one.facts for one in inputs], policy, day)
    found, kept = {}, []
    for (pool, name), given, one in zip(named, inputs, facts, strict=True):
        numbers = policy.receivable_numbers(name)
        made = computed(one, numbers, day)
        found[pool.key] = _Made(made, one.terms, one.ledger.entry_number, one.ledger.entry_day, one.debtors)
        ledger = kept_ledgers(source).get(one.ledger.pool_key) if isinstance(source, Connection) else None
        is_fed = one.terms.is_fed and ledger is not None and ledger.entry_number == one.ledger.entry_number
        if ledger is not None and is_fed and not one.terms.is_too_large and is_divisible(given):
            kept.append(kept_pool(given, numbers, ledger, made))
    if isinstance(source, Connection):
        keep_pools(source, kept)
    return found


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
        detail = quoted.get(key)
        if isinstance(detail, Receivable | ReceivablePool):
            found.append(PoolAsset(key, "", currency, detail))
        elif detail is None and (pool := PoolAsset.of(key, registered[key])) is not None:
            found.append(pool)
    return found
