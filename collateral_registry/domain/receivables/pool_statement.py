"""The statement of a pool: where every minor unit of its open amount is, by rule, debtor and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np

from collateral_registry.domain.receivables.changes.computed_pool import Amount, ComputedPool
from collateral_registry.domain.shared.errors import Refused
from valuation._typing import Int
from valuation.receivables.rules import Rule

DEBTORS_SHOWN = 20
"""Debtors with the largest open amounts that a statement lists."""


@dataclass(frozen=True)
class RuleSum:
    """What a rule takes: the amount, and how many invoices and debtors bear it."""

    amount_minor: int
    invoices: int
    debtors: int


@dataclass(frozen=True)
class DebtorShare:
    """A debtor of a pool as its ledger names it, with its open and its eligible amount."""

    debtor: str
    open_minor: int
    eligible_minor: int


@dataclass(frozen=True)
class PoolStatement:
    """The sums of a pool in minor units of its currency.

    ``entry_number`` is the newest entry included. ``excluded`` and ``unknown`` are by rule; with ``eligible_minor``
    they sum to ``open_minor``. ``ages`` are open amounts not yet due, up to 30, 60 and 90 days past due, more, and
    without a due day. ``last_good_minor`` is eligible with unknown invoices at what was last known of them.
    """

    entry_number: int
    face_minor: int
    open_minor: int
    excluded: Mapping[Rule, RuleSum]
    unknown: Mapping[Rule, RuleSum]
    eligible_minor: int
    recoverable_minor: int
    lendable_minor: int
    last_good_minor: int
    last_good_lendable_minor: int
    ages: tuple[int, ...]
    debtors: tuple[DebtorShare, ...]

    def __post_init__(self) -> None:
        """Raises Refused unless every minor unit of the open amount is in exactly one bucket."""
        if self.excluded_minor + self.unknown_minor + self.eligible_minor != self.open_minor:
            raise Refused(
                "CENT_UNACCOUNTED",
                f"the buckets of a pool sum to {self.excluded_minor + self.unknown_minor + self.eligible_minor} minor"
                f" units, and {self.open_minor} are open; the change is not recorded",
            )

    @property
    def settled_minor(self) -> int:
        """What was paid, credited or written off."""
        return self.face_minor - self.open_minor

    @property
    def excluded_minor(self) -> int:
        """What the rules exclude."""
        return sum(one.amount_minor for one in self.excluded.values())

    @property
    def unknown_minor(self) -> int:
        """The open amount of unknown invoices."""
        return sum(one.amount_minor for one in self.unknown.values())


def statement_of(pool: ComputedPool, entry_number: int, amounts: Sequence[Amount]) -> PoolStatement:
    """Returns the statement of a pool with its conservative and last good amounts.

    Raises Refused if an amount is in no bucket or in two.
    """
    sums, (conservative, last_good) = pool.sums, amounts
    return PoolStatement(
        entry_number=entry_number,
        face_minor=sums.face_minor,
        open_minor=sums.open_minor,
        excluded=_by_rule(sums.excluded),
        unknown=_by_rule(sums.unknown),
        eligible_minor=int(sums.eligible_minor[0]),
        recoverable_minor=conservative.recoverable_minor,
        lendable_minor=conservative.lendable_minor,
        last_good_minor=int(sums.eligible_minor[1]),
        last_good_lendable_minor=last_good.lendable_minor,
        ages=tuple(sums.ages.tolist()),
        debtors=_largest_debtors(pool.debtors),
    )


def _by_rule(taken: Int) -> dict[Rule, RuleSum]:
    return {Rule(code): RuleSum(*taken[:, code].tolist()) for code in np.flatnonzero(taken[0]).tolist()}


def _largest_debtors(sums: Mapping[str, tuple[int, int]]) -> tuple[DebtorShare, ...]:
    largest = nsmallest(DEBTORS_SHOWN, ((-open_minor, name) for name, (open_minor, _) in sums.items()))
    return tuple(DebtorShare(name, *sums[name]) for _, name in largest)
