"""Computes a pool as a change of some of its debtors; a whole pool is the change of no debtors to all of them.

The sums of a pool are those before the change, without what the changed groups of debtors were, with what they are. A
change also moves the limits on shares, and thereby groups that did not change but bear a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.changes.limited_group import (
    Both,
    CutSums,
    FreePart,
    LimitedGroup,
    limited_group,
)
from collateral_registry.domain.receivables.partial_rules import share_cut
from collateral_registry.domain.receivables.pool_facts import GroupName, PoolFacts, PoolTerms
from collateral_registry.domain.receivables.pool_ladder import PoolPart, before_shares, class_parts, most_lent
from collateral_registry.domain.receivables.pool_sums import NO_SUMS, PoolSums
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from valuation.receivables.recoverable import PoolParts, pool_parts


@dataclass(frozen=True)
class CutGroup:
    """A group of debtors that bears a limit on shares, with its sums under the cut."""

    group: LimitedGroup
    sums: CutSums


@dataclass(frozen=True)
class ComputedPool:
    """The sums of a pool, and what the next change of it needs.

    ``left`` is what the other rules leave of each group of debtors for the limits on shares, and ``cut`` what these
    take; groups without a cut have none. ``limited`` holds groups with a cut, as far as a change has needed them alone.
    ``debtors`` has the open and the eligible amount of each debtor.
    """

    sums: PoolSums
    left: Mapping[GroupName, Both]
    cut: Mapping[GroupName, Both]
    limited: Mapping[GroupName, CutGroup]
    debtors: Mapping[str, Both]


EMPTY = ComputedPool(NO_SUMS, {}, {}, {}, {})
"""A pool without invoices."""


@dataclass(frozen=True)
class Amount:
    """What a pool brings and lends in minor units, with the haircut parts that its invoices keep together."""

    recoverable_minor: int
    lendable_minor: int
    parts: PoolParts

    @property
    def cap(self) -> float:
        """The share of the expected amount that the pool lends; 0 without an expected amount."""
        return self.lendable_minor / self.recoverable_minor if self.recoverable_minor else 0.0


def amounts_of(pool: ComputedPool, terms: PoolTerms, numbers: ReceivableNumbers, day: int) -> tuple[Amount, Amount]:
    """Returns the conservative and the last good amount of a whole pool."""
    classes = class_parts(terms, numbers, day)
    conservative, last_good = (
        Amount(int(of_class.sum()), min(lent, most_lent(int(of_class.sum()), numbers)), pool_parts(of_class, classes))
        for of_class, lent in zip(pool.sums.recoverable_minor, pool.sums.lendable_minor, strict=True)
    )
    return conservative, last_good


def computed(pool: PoolFacts, numbers: ReceivableNumbers, day: int) -> ComputedPool:
    """Returns a whole pool on a day."""
    return changed(EMPTY, None, pool, _no_group, numbers, day)


def changed(
    before: ComputedPool,
    old: PoolFacts | None,
    new: PoolFacts,
    part_of: Callable[[GroupName], PoolFacts],
    numbers: ReceivableNumbers,
    day: int,
) -> ComputedPool:
    """Returns a pool after a change of some groups of debtors from ``old`` to ``new``, under the same numbers and day.

    ``part_of`` returns the facts of another group, which did not change.
    """
    gone = [] if old is None else _parts_before(before, old, numbers, day)
    come = before_shares(new, numbers, day)
    here = {*come.names, *(name for part in gone for name in part.groups)}
    left = {name: amounts for name, amounts in before.left.items() if name not in here}
    left |= dict(zip(come.names, map(tuple, come.left_minor.T.tolist()), strict=True))
    gross = before.sums.gross_minor - sum(part.gross_minor for part in gone) + come.gross_minor
    cut = _cuts(left, gross, new, numbers)
    was = [_sums_before(part, before) for part in gone]
    limited = {name: one for name, one in before.limited.items() if name in cut and name not in here}
    own = _part_after(come, cut)
    now = [own.under(cut)]
    if isinstance(own, LimitedGroup):
        limited[own.name] = CutGroup(own, now[0])
    for name in (cut.keys() | before.cut.keys()) - here:
        if cut.get(name) == before.cut.get(name):
            continue
        known = before.limited.get(name)
        group = limited_group(before_shares(part_of(name), numbers, day)) if known is None else known.group
        was.append(_sums_before(group, before))
        now.append(group.under(cut))
        if name in cut:
            limited[name] = CutGroup(group, now[-1])
    sums, debtors = before.sums, {**before.debtors}
    for one in was:
        sums -= one.sums
        for debtor in one.debtors:
            del debtors[debtor]
    for one in now:
        sums += one.sums
        debtors |= one.debtors
    return ComputedPool(sums, left, cut, limited, debtors)


def _sums_before(part: FreePart | LimitedGroup, before: ComputedPool) -> CutSums:
    """Returns the sums of a part of a pool before a change."""
    known = before.limited.get(part.name) if isinstance(part, LimitedGroup) else None
    return part.under(before.cut) if known is None else known.sums


def _parts_before(
    before: ComputedPool, old: PoolFacts, numbers: ReceivableNumbers, day: int
) -> Sequence[FreePart | LimitedGroup]:
    """Returns the groups that change as they were, from what is known of them if that is all of them."""
    known = [before.limited[name].group for name in old.resolved.names if name in before.limited]
    return known if len(known) == old.resolved.groups else [FreePart(before_shares(old, numbers, day))]


def _part_after(part: PoolPart, cut: Mapping[GroupName, Both]) -> FreePart | LimitedGroup:
    """Returns the groups that changed as they are; a group with a cut as one that the next change finds."""
    return limited_group(part) if len(part.names) == 1 and part.names[0] in cut else FreePart(part)


def _cuts(
    left: Mapping[GroupName, Both], gross_minor: int, pool: PoolFacts, numbers: ReceivableNumbers
) -> dict[GroupName, Both]:
    """Returns what the limits on shares take of the groups that bear one."""
    amounts = np.array([*left.values()], dtype=np.int64).reshape(-1, 2).T
    mode = pool.terms.mode or numbers.mode
    conservative = last_good = share_cut(amounts[0], gross_minor, mode, numbers)
    if not np.array_equal(*amounts):
        last_good = share_cut(amounts[1], gross_minor, mode, numbers)
    taken = np.array([conservative, last_good])
    names = list(left)
    return {names[at]: (int(taken[0, at]), int(taken[1, at])) for at in np.flatnonzero(taken.any(axis=0)).tolist()}


def _no_group(name: GroupName) -> PoolFacts:
    raise KeyError(name)
