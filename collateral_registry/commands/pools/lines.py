"""Finds the pools that share the lines of debtors, and what the lines leave for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from collateral_registry.commands.pools.inputs import PoolAsset, pool_facts_at
from collateral_registry.domain.assets.claims import Receivable, ReceivablePool
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.receivables.debtor_lines import (
    LineClaim,
    line_claim,
    line_left,
    line_of,
    lined_debtors,
    lined_in,
)
from collateral_registry.domain.receivables.pool_facts import PoolFacts
from collateral_registry.store.assets.repository import assets_by_key
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.valuations.pool_debtors import pools_of_debtors
from collateral_registry.store.valuations.pool_statements import entry_numbers_of

Members = Mapping[int, tuple[str, PoolFacts]]
"""Pools with their classes, by the key of the asset."""


def with_lines(
    source: Source,
    pools: Sequence[tuple[PoolAsset, str]],
    facts: Sequence[PoolFacts],
    policy: Policy,
    day: int,
    seq: int | None = None,
) -> list[PoolFacts]:
    """Returns the facts of pools [n], each given with its class, with what the lines of their debtors leave for them.

    Other pools count by the entries of their current statements, as of commit ``seq`` or now.
    """
    lined = {key for one in facts for key in lined_debtors(one.debtors)}
    if not lined:
        return list(facts)
    own: Members = {pool.key: (name, one) for (pool, name), one in zip(pools, facts, strict=True)}
    members = {**_others(source, lined, own, day, seq), **own}
    claims: dict[int, list[LineClaim]] = {key: [] for key in lined}
    for key, (name, one) in members.items():
        numbers = policy.receivable_numbers(name)
        for debtor in lined_in(one.debtors, one.terms.currency) & lined:
            claims[debtor].append(line_claim(key, one, debtor, numbers, day))
    return [_with_line(pool, one, claims, day) for (pool, _), one in zip(pools, facts, strict=True)]


def _with_line(pool: PoolAsset, facts: PoolFacts, claims: Mapping[int, Sequence[LineClaim]], day: int) -> PoolFacts:
    left = facts.line_left_minor.copy()
    for debtor in lined_debtors(facts.debtors):
        rows = np.flatnonzero(facts.debtors.debtor_key == debtor)
        line = line_of(facts.debtors, int(rows[0]), pool.currency, day)
        left[rows] = line_left(line, claims[debtor], pool.key)
    return replace(facts, line_left_minor=left)


def _others(source: Source, lined: set[int], own: Members, day: int, seq: int | None) -> Members:
    """Returns the other pools that name one of the debtors, as their current statements have them."""
    sharing = pools_of_debtors(source, np.array(sorted(lined), dtype=np.int64))
    keys = np.setdiff1d(sharing["asset_key"], np.array(sorted(own), dtype=np.int64))
    assets = assets_by_key(source, keys) if len(keys) else {}
    found = {}
    for key, entry_number in entry_numbers_of(source, keys, seq).items():
        asset = assets[key]
        if isinstance(asset.detail, Receivable | ReceivablePool):
            pool = PoolAsset(key, asset.asset_id, asset.currency, asset.detail)
            found[key] = asset.asset_class, pool_facts_at(source, pool, entry_number, day, seq)
    return found
