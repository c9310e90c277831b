"""Distributes the values of assets over the claims of pledges (rules.md section 2), in columns.

A *target* is an asset valued in one currency. An asset that is pledged to loans in two currencies has two targets.
Amounts are int64 minor units of the target's currency.
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
    """Active pledges [p]; ``target`` and ``loan`` are row numbers in the columns of targets and loans."""

    target: Int
    loan: Int
    rank: Int
    share_ppm: Int
    limit_minor: Int


@dataclass(frozen=True)
class TargetColumns:
    """Targets [t]; targets of the same asset have equal numbers in ``asset``.

    The prior claims on an asset are stated on its target in the asset's own currency. They also reduce its other
    targets, converted in proportion to the values of the targets.
    """

    asset: Int
    prior_claims_minor: Int


def claim_values(pledges: PledgeColumns, targets: TargetColumns, value_minor: Int) -> Int:
    """Returns the claim of each pledge [p] on its target's value [t], in minor units, rounded down.

    Pledges are served in the order of their ranks. A claim is share x max(0, value - prior claims - limits of senior
    ranks), but at most the pledge's own limit. If a senior limit is in another currency, it is converted in proportion
    to the values of the two targets and rounded up. If the shares within a rank sum to at most 1, the claims on an
    asset never exceed its value. A senior limit or prior claim on a target without value takes all of the asset's other
    targets, because it has no known proportion to them.
    """
    siblings = _siblings(targets.asset)
    # A target without value counts as one minor unit, so that any claim on it takes all of the asset.
    whole = np.maximum(value_minor, 1)
    taken = _with_siblings(np.minimum(targets.prior_claims_minor, whole), value_minor, siblings)
    claims = np.zeros(len(pledges.target), dtype=np.int64)
    for rank in np.unique(pledges.rank):
        rows = np.flatnonzero(pledges.rank == rank)
        target = pledges.target[rows]
        left = np.maximum(value_minor[target] - taken[target], 0)
        available = mul_div_floor(left, pledges.share_ppm[rows], PPM)
        limit = pledges.limit_minor[rows]
        claims[rows] = np.where(limit == NO_LIMIT, available, np.minimum(available, limit))
        # The whole limit of a senior rank is subtracted, not only the part that it claims now.
        amount = np.where(limit == NO_LIMIT, whole[target], np.minimum(limit, whole[target]))
        at_rank = np.zeros(len(value_minor), dtype=np.int64)
        np.add.at(at_rank, target, amount)
        taken = taken + _with_siblings(at_rank, value_minor, siblings)
    return claims


def marks_before(pledges: PledgeColumns, targets: TargetColumns, marks: Int) -> Int:
    """Returns the bits of ``marks`` [t] on which the claim of each pledge [p] depends through another currency.

    They are those of the asset's other targets on which a prior claim or a pledge of an earlier rank comes first.
    """
    source, other = _siblings(targets.asset)
    marked = marks[source] != 0
    source, other = source[marked], other[marked]
    found = np.zeros(len(pledges.target), dtype=np.int64)
    if not len(source):
        return found
    is_claimed = targets.prior_claims_minor > 0
    for rank in np.unique(pledges.rank):
        before = np.zeros(len(marks), dtype=np.int64)
        np.bitwise_or.at(before, other, np.where(is_claimed[source], marks[source], 0))
        rows = np.flatnonzero(pledges.rank == rank)
        found[rows] = before[pledges.target[rows]]
        is_claimed[pledges.target[rows[pledges.limit_minor[rows] != 0]]] = True
    return found


def _siblings(asset: Int) -> tuple[Int, Int]:
    """Returns the ordered pairs of different targets that share an asset, as two columns."""
    order = np.argsort(asset, kind="stable")
    ordered = asset[order]
    widest = int(np.bincount(asset).max(initial=1))
    # In this order the targets of an asset are adjacent, so that partners are fewer than ``widest`` rows apart.
    firsts, seconds = [], []
    for step in range(1, widest):
        near = np.flatnonzero(ordered[:-step] == ordered[step:])
        firsts += [order[near], order[near + step]]
        seconds += [order[near + step], order[near]]
    empty = np.zeros(0, dtype=np.int64)
    return np.concatenate([empty, *firsts]), np.concatenate([empty, *seconds])


def _with_siblings(taken: Int, value: Int, siblings: tuple[Int, Int]) -> Int:
    """Returns the amount taken from each target [t], plus the amounts taken from its siblings.

    The siblings' amounts are converted in proportion to the values of the two targets.
    """
    source, other = siblings
    ratio = value[other] / np.maximum(value[source], 1)
    total = taken.copy()
    np.add.at(total, other, np.ceil(taken[source] * ratio).astype(np.int64))
    return total


def pool_sums(pledges: PledgeColumns, claims: Int, loans: int) -> Int:
    """Returns the collateral value of each loan [loans]: the sum of its claims [p]."""
    sums = np.zeros(loans, dtype=np.int64)
    np.add.at(sums, pledges.loan, claims)
    return sums
