"""The sums of a pool from which its value and its statement follow: whole numbers, of which those of parts add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from collateral_registry.domain.receivables.dilution_reserve import horizon_sales_minor
from collateral_registry.domain.receivables.pool_ladder import Ladder, PartClass, PoolAmount
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool, Int
from valuation.receivables.eligibility import Buckets
from valuation.receivables.recoverable import lent_minor
from valuation.receivables.rules import Rule

AGE_LIMITS_DAYS = (0, 30, 60, 90)
"""Days after the due day at which the ages of a statement begin."""

_AGES = len(AGE_LIMITS_DAYS) + 2
_RULES = max(Rule) + 1


@dataclass(frozen=True)
class PoolSums:
    """Sums over the invoices of a pool or a part of it, in minor units.

    ``open_minor`` has every minor unit of every invoice, and ``gross_minor`` that of claims in the pool's currency.
    Columns of two are conservative and last good. ``recoverable_minor`` is [2, PartClass]. ``lent_minor`` and
    ``lent_rest`` are what invoices lend in whole minor units, and the remainders. ``excluded`` and ``unknown`` are
    [3, rule]: the amount, the invoices and the debtors that a rule takes. ``ages`` are open amounts not yet due, up to
    each limit past due, more, and without a due day. ``counted`` is the number of debtors of which something counts in
    the last good sum, and of those among them without a probability of default. ``horizon_sales_minor`` are the sales
    of the dilution horizon.
    """

    invoices: int
    face_minor: int
    open_minor: int
    gross_minor: int
    eligible_minor: Int
    recoverable_minor: Int
    lent_minor: Int
    lent_rest: Int
    excluded: Int
    unknown: Int
    ages: Int
    counted: Int
    horizon_sales_minor: int

    @property
    def lendable_minor(self) -> tuple[int, int]:
        """What the pool lends, conservative and last good, rounded down once."""
        conservative, last_good = map(lent_minor, self.lent_minor.tolist(), self.lent_rest.tolist())
        return conservative, last_good

    def __add__(self, other: PoolSums) -> PoolSums:
        """Returns the sums of two parts of a pool together."""
        return PoolSums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(PoolSums)))

    def __sub__(self, other: PoolSums) -> PoolSums:
        """Returns the sums without those of a part."""
        return PoolSums(*(getattr(self, one.name) - getattr(other, one.name) for one in fields(PoolSums)))


def _zeros(*shape: int) -> Int:
    return np.zeros(shape, dtype=np.int64)


NO_SUMS = PoolSums(
    0, 0, 0, 0, _zeros(2), _zeros(2, len(PartClass)), _zeros(2), _zeros(2), _zeros(3, _RULES), _zeros(3, _RULES),
    _zeros(_AGES), _zeros(2), 0,
)  # fmt: skip
"""The sums of no invoices."""


def sums_of(ladder: Ladder) -> PoolSums:
    """Returns the sums of a ladder."""
    ledger, buckets, both = ladder.pool.ledger, ladder.conservative.buckets, (ladder.conservative, ladder.last_good)
    return PoolSums(
        invoices=len(ledger.open_minor),
        face_minor=int(ledger.face_minor.sum()),
        open_minor=int(ledger.open_minor.sum()),
        gross_minor=ladder.part.gross_minor,
        eligible_minor=np.array([one.buckets.eligible_minor.sum() for one in both]),
        recoverable_minor=np.array([_by_class(ladder, one) for one in both]),
        lent_minor=np.array([one.lendable.whole_minor.sum() for one in both]),
        lent_rest=np.array([one.lendable.remainder.sum() for one in both]),
        excluded=_taken(ladder, buckets, buckets.excluded_by, buckets.cut_minor),
        unknown=_taken(ladder, buckets, buckets.unknown_by, {}),
        ages=sums_by_age(ladder.part.day - ledger.due_day, ledger.due_day, ledger.open_minor, AGE_LIMITS_DAYS),
        counted=_counted(ladder),
        horizon_sales_minor=horizon_sales_minor(ladder.pool, ladder.part.numbers, ladder.part.day),
    )


def debtor_sums(ladder: Ladder) -> dict[str, tuple[int, int]]:
    """Returns the open and the eligible amount of each debtor, as the ledger names it."""
    resolved, buckets = ladder.pool.resolved, ladder.conservative.buckets
    sums = [_summed(resolved.of_invoice, one, resolved.count) for one in (buckets.open_minor, buckets.eligible_minor)]
    names = ladder.pool.debtors.stated[resolved.row].tolist()
    return dict(zip(names, zip(*(one.tolist() for one in sums), strict=True), strict=True))


def _by_class(ladder: Ladder, amount: PoolAmount) -> Int:
    return _summed(ladder.part.part_class, amount.recoverable_minor, len(PartClass))


def _summed(of: Int, amount: Int, count: int) -> Int:
    """Returns the sums of amounts [n] by number; exact in float64, because all amounts of a pool are below 2^53."""
    return np.bincount(of, amount, count).astype(np.int64)


def _taken(ladder: Ladder, buckets: Buckets, by_rule: Int, cuts: Mapping[Rule, Int]) -> Int:
    """Returns what each rule takes as a whole and by cuts: amount, invoices and debtors; settled invoices bear nothing.

    A rule that takes whole invoices and cuts others adds up.
    """
    rows, of_invoice = np.flatnonzero((by_rule > 0) & (buckets.open_minor > 0)), ladder.pool.resolved.of_invoice
    of, amount = by_rule[rows], buckets.open_minor[rows]
    bears = np.zeros((_RULES, ladder.pool.resolved.count), dtype=np.bool_)
    bears[of, of_invoice[rows]] = True
    found = np.array([_summed(of, amount, _RULES), np.bincount(of, minlength=_RULES), _zeros(_RULES)])
    for rule, cut in cuts.items():
        rows = np.flatnonzero(cut)
        if len(rows):
            found[:2, rule] += int(cut[rows].sum()), len(rows)
            bears[rule, of_invoice[rows]] = True
    found[2] = bears.sum(axis=1)
    return found


def sums_by_age(age_days: Int, day: Int, amount: Int, limits_days: Sequence[int]) -> Int:
    """Returns the sums of amounts up to each limit of their age, beyond the last one, and of those without a day."""
    age = np.zeros(len(day), dtype=np.int64)
    for limit in limits_days:
        age += age_days > limit
    age[day == NO_DAY] = len(limits_days) + 1
    return _summed(age, amount, len(limits_days) + 2)


def _counted(ladder: Ladder) -> Int:
    counts = ladder.last_good.buckets.eligible_minor > 0
    debtors = _among(ladder, counts)
    return np.array([len(debtors), np.isnan(ladder.pool.debtors.pd[ladder.pool.resolved.row[debtors]]).sum()])


def _among(ladder: Ladder, invoices: Bool) -> Int:
    """Returns the debtors of some of the invoices [n]."""
    resolved = ladder.pool.resolved
    return np.flatnonzero(np.bincount(resolved.of_invoice[invoices], minlength=resolved.count))
