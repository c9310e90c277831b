"""Finds the pools that share the lines of debtors, and what the lines leave for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from collateral_registry.commands.pools.inputs import PoolAsset, pool_facts_at
from collateral_registry.domain.assets.kinds import Asset
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
from collateral_registry.store.assets.repository import assets_as_of, assets_by_key
from collateral_registry.store.debtors.facts import led_to
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.valuations.pool_debtors import pools_naming, pools_of_debtors
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

    Other pools count by the entries of their current statements, as of commit ``seq`` or now. A retired pool claims
    nothing.
    """
    lined = {key for one in facts for key in lined_debtors(one.debtors)}
    if not lined:
        return list(facts)
    keys = [pool.key for pool, _ in pools]
    others = _present(source, lined, keys, day) if seq is None else _past(source, lined, keys, day, seq)
    own = {pool.key: (name, one) for (pool, name), one in zip(pools, facts, strict=True) if not pool.is_retired}
    members = {**others, **own}
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


def _present(source: Source, lined: set[int], own: Sequence[int], day: int) -> Members:
    """Returns the other pools that name one of the debtors, as their current statements have them."""
    sharing = pools_of_debtors(source, np.array(sorted(lined), dtype=np.int64))["asset_key"]
    keys = np.setdiff1d(sharing, own)
    return _members(source, assets_by_key(source, keys), day, None) if len(keys) else {}


def _past(source: Source, lined: set[int], own: Sequence[int], day: int, seq: int) -> Members:
    """Returns the other pools that may have named one of the debtors by a commit, as their statements then had them."""
    keys, texts = led_to(source, lined)
    sharing = pools_naming(source, np.array(sorted(keys), dtype=np.int64), texts)
    return _members(source, assets_as_of(source, np.setdiff1d(sharing, own), seq), day, seq)


def _members(source: Source, assets: Mapping[int, Asset], day: int, seq: int | None) -> Members:
    numbers = entry_numbers_of(source, np.array(sorted(assets), dtype=np.int64), seq)
    found = {}
    for key, entry_number in numbers.items():
        pool = PoolAsset.of(key, assets[key])
        if pool is not None and not pool.is_retired:
            found[key] = assets[key].asset_class, pool_facts_at(source, pool, entry_number, day, seq)
    return found
