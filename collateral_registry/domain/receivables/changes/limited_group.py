"""A group of debtors that bears a limit on shares, with its sums for every amount that the limit may take.

Invoices bear a cut one after the other, so that a cut takes some of them whole, a part of the next one, and nothing of
those behind. Sums over the first invoices then give what any cut takes, without a look at the other invoices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collateral_registry.domain.receivables.pool_facts import GroupName
from collateral_registry.domain.receivables.pool_ladder import PartClass, PoolAmount, PoolPart, after_shares
from collateral_registry.domain.receivables.pool_sums import PoolSums, debtor_sums, sums_of
from valuation._typing import Bool, Float, Int, Texts
from valuation.receivables.recoverable import lendable, present_value
from valuation.receivables.rules import Rule

Both = tuple[int, int]
"""A conservative and a last good amount, in minor units."""

NOTHING: Both = (0, 0)


@dataclass(frozen=True)
class CutSums:
    """The sums of a part of a pool after the limits on shares; ``debtors`` has open and eligible amounts."""

    sums: PoolSums
    debtors: Mapping[str, Both]


@dataclass(frozen=True)
class _Cut:
    """What a cut takes: ``invoices`` as a whole, and ``rest_minor`` of the invoice behind them.

    ``recoverable_minor`` is [PartClass].
    """

    invoices: int
    rest_minor: int
    recoverable_minor: Int
    lent_minor: int
    lent_rest: int

    @property
    def bearing(self) -> int:
        """The number of invoices of which the cut takes something, with those that have nothing to take."""
        return self.invoices + (self.rest_minor > 0)


@dataclass(frozen=True)
class _Value:
    """What the eligible amount of each invoice [n] brings and lends, in the order in which invoices bear a cut."""

    paid: Float
    discount: Float
    kept_units: Int
    advance_ppm: Int
    part_class: Int

    def lost(self, at: int, eligible_minor: int, cut_minor: int) -> tuple[int, int, int]:
        """Returns what a cut of an invoice loses: what it brings, and what it lends with the remainder."""
        row, amounts = slice(at, at + 1), np.array([eligible_minor, eligible_minor - cut_minor])
        brought = present_value(amounts, self.paid[row], self.discount[row])
        lent = lendable(brought, amounts, self.kept_units[row], self.advance_ppm[row])
        before, after = np.array([brought, lent.whole_minor, lent.remainder]).T.tolist()
        return before[0] - after[0], before[1] - after[1], before[2] - after[2]


@dataclass(frozen=True)
class _Side:
    """The conservative or the last good sum of a group, its invoices [n] in the order in which they bear a cut.

    ``taken`` [column, n + 1] holds the sums over the first invoices: what they bring by PartClass, what they lend with
    the remainders, and how many of them are eligible.
    """

    eligible_minor: Int
    ends_minor: Int
    taken: Int
    value: _Value

    def cut(self, amount_minor: int) -> _Cut:
        """Returns what a cut takes."""
        whole = int(np.searchsorted(self.ends_minor, amount_minor, side="right"))
        rest = amount_minor - (int(self.ends_minor[whole - 1]) if whole else 0)
        brought, (lent, remainder) = self.taken[: len(PartClass), whole].copy(), self.taken[-3:-1, whole].tolist()
        if rest:
            lost = self.value.lost(whole, int(self.eligible_minor[whole]), rest)
            brought[self.value.part_class[whole]] += lost[0]
            lent, remainder = lent + lost[1], remainder + lost[2]
        return _Cut(whole, rest, brought, lent, remainder)

    def eligible_invoices(self, among_first: int) -> int:
        """Returns how many of the first invoices are eligible."""
        return int(self.taken[-1, among_first])


@dataclass(frozen=True)
class LimitedGroup:
    """The sums of a group without a cut, and of its invoices [n] in the order in which they bear one.

    ``debtor`` is the debtor of each invoice as a row of ``debtors``, ``first`` the place of each debtor's first invoice
    that is eligible in the conservative sum, and ``last`` that of its last one in the last good sum; -1 for none.
    ``has_pd`` states of which debtors a probability of default is known.
    """

    name: GroupName
    gross_minor: int
    without: CutSums
    conservative: _Side
    last_good: _Side
    debtor: Int
    debtors: Texts
    first: Int
    last: Int
    has_pd: Bool

    @property
    def groups(self) -> Sequence[GroupName]:
        """The group."""
        return (self.name,)

    def under(self, cuts: Mapping[GroupName, Both]) -> CutSums:
        """Returns the sums of the group if the limits take these amounts of their groups."""
        amounts = cuts.get(self.name, NOTHING)
        if not any(amounts):
            return self.without
        conservative, last_good = self.conservative.cut(amounts[0]), self.last_good.cut(amounts[1])
        return CutSums(self._sums(conservative, last_good, amounts), self._debtors(conservative))

    def _sums(self, conservative: _Cut, last_good: _Cut, amounts: Both) -> PoolSums:
        sums, both = self.without.sums, (conservative, last_good)
        excluded = sums.excluded.copy()
        bearing = conservative.bearing
        excluded[:, Rule.CONCENTRATION] += (
            amounts[0],
            self.conservative.eligible_invoices(bearing),
            int(((self.first >= 0) & (self.first < bearing)).sum()),
        )
        gone = (self.last >= 0) & (self.last < last_good.invoices)
        return replace(
            sums,
            eligible_minor=sums.eligible_minor - np.array(amounts),
            recoverable_minor=sums.recoverable_minor - np.array([one.recoverable_minor for one in both]),
            lent_minor=sums.lent_minor - np.array([one.lent_minor for one in both]),
            lent_rest=sums.lent_rest - np.array([one.lent_rest for one in both]),
            excluded=excluded,
            counted=sums.counted - (int(gone.sum()), int((gone & ~self.has_pd).sum())),
        )

    def _debtors(self, cut: _Cut) -> dict[str, Both]:
        whole, eligible = slice(cut.invoices), self.conservative.eligible_minor
        # Exact in float64, because all amounts of a pool are below 2^53.
        taken = np.bincount(self.debtor[whole], eligible[whole], len(self.debtors)).astype(np.int64)
        if cut.rest_minor:
            taken[self.debtor[cut.invoices]] += cut.rest_minor
        return {
            name: (self.without.debtors[name][0], self.without.debtors[name][1] - amount)
            for name, amount in zip(self.debtors.tolist(), taken.tolist(), strict=True)
        }


@dataclass(frozen=True)
class FreePart:
    """A part of a pool, of one group of debtors or several, whose sums are computed for each cut."""

    part: PoolPart

    @property
    def groups(self) -> Sequence[GroupName]:
        """The groups of debtors."""
        return self.part.names

    @property
    def gross_minor(self) -> int:
        """The open amount."""
        return self.part.gross_minor

    def under(self, cuts: Mapping[GroupName, Both]) -> CutSums:
        """Returns the sums of the part if the limits take these amounts of their groups."""
        taken = np.array([cuts.get(name, NOTHING) for name in self.part.names], dtype=np.int64).reshape(-1, 2).T
        ladder = after_shares(self.part, taken)
        return CutSums(sums_of(ladder), debtor_sums(ladder))


def limited_group(part: PoolPart) -> LimitedGroup:
    """Returns the sums of a part of a pool that consists of one group of debtors."""
    (name,) = part.names
    ladder, resolved = after_shares(part, np.zeros((2, 1), dtype=np.int64)), part.pool.resolved
    order = part.families.in_order(np.arange(len(resolved.of_invoice)))
    paid, discount = part.expected.factors
    kept = ladder.classes.kept_units[part.part_class]
    value = _Value(paid[order], discount[order], kept[order], part.advance_ppm[order], part.part_class[order])
    conservative = last_good = _side(ladder.conservative, order, value)
    if ladder.last_good is not ladder.conservative:
        last_good = _side(ladder.last_good, order, value)
    debtor = resolved.of_invoice[order]
    conservative_places, last_good_places = (np.flatnonzero(one.eligible_minor) for one in (conservative, last_good))
    first, last = np.full((2, resolved.count), -1)
    first[debtor[conservative_places[::-1]]] = conservative_places[::-1]  # of equal indexes the last one counts
    last[debtor[last_good_places]] = last_good_places
    return LimitedGroup(
        name=name,
        gross_minor=part.gross_minor,
        without=CutSums(sums_of(ladder), debtor_sums(ladder)),
        conservative=conservative,
        last_good=last_good,
        debtor=debtor,
        debtors=part.pool.debtors.stated[resolved.row],
        first=first,
        last=last,
        has_pd=~np.isnan(part.pool.debtors.pd[resolved.row]),
    )


def _side(amount: PoolAmount, order: Int, value: _Value) -> _Side:
    eligible, brought = amount.buckets.eligible_minor[order], amount.recoverable_minor[order]
    columns = [
        *(np.where(value.part_class == one, brought, 0) for one in PartClass),
        amount.lendable.whole_minor[order],
        amount.lendable.remainder[order],
        eligible > 0,
    ]
    taken = np.zeros((len(columns), len(order) + 1), dtype=np.int64)
    for column, sums in zip(columns, taken, strict=True):
        np.cumsum(column, out=sums[1:])
    return _Side(eligible, np.cumsum(eligible), taken, value)
