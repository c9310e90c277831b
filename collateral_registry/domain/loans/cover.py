"""From the values of assets to the claims of pledges (rules.md section 2), in columns.

A *target* is an asset in one currency: an asset pledged to loans in two currencies has two. Amounts are
int64 minor units of the target's currency. Ranks are walked in order; everything inside a rank is columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Int
from valuation.money import PPM, mul_div_floor

NO_LIMIT = -1
"""Marks a pledge that has no limit."""


@dataclass(frozen=True)
class PledgeColumns:
    """Standing pledges, one row each; ``target`` and ``loan`` are row numbers of those columns."""

    target: Int
    loan: Int
    rank: Int
    share_ppm: Int
    limit_minor: Int


@dataclass(frozen=True)
class TargetColumns:
    """Assets in a currency, one row each; ``asset`` ties the targets of one asset together.

    Prior claims stand on the target in the asset's own currency and count in proportion on the others.
    """

    asset: Int
    prior_claims_minor: Int


def claim_values(pledges: PledgeColumns, targets: TargetColumns, value_minor: Int) -> Int:
    """What each pledge [p] may claim of its target's value [t], in minor units, rounded down.

    In rank order: share x max(0, value - prior claims - limits of the ranks before), at most its limit. A
    senior limit in another currency counts in proportion of the two values, rounded up. The claims on one
    asset never exceed its value.
    """
    siblings = _siblings(targets.asset)
    taken = _echoed(np.minimum(targets.prior_claims_minor, value_minor), value_minor, siblings)
    claims = np.zeros(len(pledges.target), dtype=np.int64)
    for rank in np.unique(pledges.rank):
        rows = np.flatnonzero(pledges.rank == rank)
        target = pledges.target[rows]
        left = np.maximum(value_minor[target] - taken[target], 0)
        available = mul_div_floor(left, pledges.share_ppm[rows], PPM)
        limit = pledges.limit_minor[rows]
        claims[rows] = np.where(limit == NO_LIMIT, available, np.minimum(available, limit))
        amount = np.where(limit == NO_LIMIT, value_minor[target], np.minimum(limit, value_minor[target]))
        at_rank = np.zeros(len(value_minor), dtype=np.int64)
        np.add.at(at_rank, target, amount)
        taken = taken + _echoed(at_rank, value_minor, siblings)
    return claims


def _siblings(asset: Int) -> tuple[Int, Int]:
    """Pairs of different targets of the same asset, each pair both ways round."""
    order = np.argsort(asset, kind="stable")
    ordered = asset[order]
    widest = int(np.bincount(asset).max(initial=1))
    firsts, seconds = [], []
    for step in range(1, widest):
        near = np.flatnonzero(ordered[:-step] == ordered[step:])
        firsts += [order[near], order[near + step]]
        seconds += [order[near + step], order[near]]
    empty = np.zeros(0, dtype=np.int64)
    return np.concatenate([empty, *firsts]), np.concatenate([empty, *seconds])


def _echoed(taken: Int, value: Int, siblings: tuple[Int, Int]) -> Int:
    """What is taken from each target [t] when the other targets of its asset lose the same share, rounded up."""
    source, other = siblings
    ratio = np.where(value[source] > 0, value[other] / np.maximum(value[source], 1), 0.0)
    total = taken.copy()
    np.add.at(total, other, np.ceil(taken[source] * ratio).astype(np.int64))
    return total


def pool_sums(pledges: PledgeColumns, claims: Int, loans: int) -> Int:
    """Sum of the claims [p] of each loan [loans]."""
    pool = np.zeros(loans, dtype=np.int64)
    np.add.at(pool, pledges.loan, claims)
    return pool
