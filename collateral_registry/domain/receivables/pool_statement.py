"""The statement of a pool: where every minor unit of its open amount is, by rule, debtor and age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from collateral_registry.domain.receivables.pool_ladder import Ladder
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.errors import Refused
from valuation._typing import Bool, Int
from valuation.receivables.eligibility import Buckets
from valuation.receivables.rules import Rule

DEBTORS_SHOWN = 20
"""Debtors with the largest open amounts that a statement lists."""

AGE_LIMITS_DAYS = (0, 30, 60, 90)
"""Days after the due day at which the ages of a statement begin."""


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


def statement_of(ladder: Ladder) -> PoolStatement:
    """Returns the statement of a pool; raises Refused if an amount is in no bucket or in two."""
    ledger, buckets = ladder.pool.ledger, ladder.conservative.buckets
    return PoolStatement(
        entry_number=ledger.entry_number,
        face_minor=int(ledger.face_minor.sum()),
        open_minor=int(ledger.open_minor.sum()),
        excluded=_excluded(ladder, buckets),
        unknown=_sums(ladder, buckets.unknown_by, buckets.open_minor),
        eligible_minor=int(buckets.eligible_minor.sum()),
        recoverable_minor=ladder.conservative.recoverable,
        lendable_minor=ladder.conservative.lendable.total_minor,
        last_good_minor=int(ladder.last_good.buckets.eligible_minor.sum()),
        last_good_lendable_minor=ladder.last_good.lendable.total_minor,
        ages=_ages(ledger.due_day, ledger.open_minor, ladder.day),
        debtors=_largest_debtors(ladder),
    )


def _excluded(ladder: Ladder, buckets: Buckets) -> dict[Rule, RuleSum]:
    found = _sums(ladder, buckets.excluded_by, buckets.open_minor)
    for rule, cut in buckets.cut_minor.items():
        bearing = cut > 0
        if bearing.any():
            # A rule takes whole invoices or cuts them; a rule that does both adds up.
            whole = found.get(rule, RuleSum(0, 0, 0))
            debtors = _debtors_among(ladder, bearing | ((buckets.excluded_by == rule) & (buckets.open_minor > 0)))
            found[rule] = RuleSum(whole.amount_minor + int(cut.sum()), whole.invoices + int(bearing.sum()), debtors)
    return dict(sorted(found.items()))


def _sums(ladder: Ladder, by_rule: Int, amount_minor: Int) -> dict[Rule, RuleSum]:
    """Returns what each rule takes of the amounts [n] of whole invoices; settled invoices bear nothing."""
    by_rule = np.where(amount_minor > 0, by_rule, 0)
    rules = np.flatnonzero(np.bincount(by_rule, minlength=1))
    found = {}
    for code in rules[rules > 0].tolist():
        mine = by_rule == code
        found[Rule(code)] = RuleSum(int(amount_minor[mine].sum()), int(mine.sum()), _debtors_among(ladder, mine))
    return found


def _debtors_among(ladder: Ladder, invoices: Bool) -> int:
    return int(np.count_nonzero(np.bincount(ladder.pool.resolved.of_invoice[invoices])))


def _ages(due_day: Int, open_minor: Int, day: int) -> tuple[int, ...]:
    late = day - due_day
    without = due_day == NO_DAY
    age = np.where(without, len(AGE_LIMITS_DAYS) + 1, np.searchsorted(np.array(AGE_LIMITS_DAYS), late, side="left"))
    sums = np.zeros(len(AGE_LIMITS_DAYS) + 2, dtype=np.int64)
    np.add.at(sums, age, open_minor)
    return tuple(sums.tolist())


def _largest_debtors(ladder: Ladder) -> tuple[DebtorShare, ...]:
    resolved, buckets = ladder.pool.resolved, ladder.conservative.buckets
    sums = np.zeros((2, resolved.count), dtype=np.int64)
    for row, amount in enumerate((buckets.open_minor, buckets.eligible_minor)):
        np.add.at(sums[row], resolved.of_invoice, amount)
    largest = np.argsort(-sums[0], kind="stable")[:DEBTORS_SHOWN]
    names = ladder.pool.debtors.stated[resolved.row[largest]].tolist()
    return tuple(DebtorShare(name, *sums[:, at].tolist()) for name, at in zip(names, largest, strict=True))
