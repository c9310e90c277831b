"""Assigns every minor unit of the open invoices of a pool to exactly one bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from valuation._typing import Bool, Int
from valuation.money import check_amounts
from valuation.receivables.partial_cuts import PartialCut
from valuation.receivables.rules import NO_RULE, Rule, Truth, first

Exclusions = Sequence[tuple[Rule, Truth]]
"""Rules that exclude whole invoices, in the order in which they are attributed."""


@dataclass(frozen=True)
class Buckets:
    """Where the open amount of each invoice [n] is; amounts are in minor units.

    ``excluded_by`` is the rule that excludes the whole invoice and ``unknown_by`` the rule that makes it unknown, or
    NO_RULE. ``cut_minor`` holds the amounts that partial rules exclude. The parts of an invoice sum to its open amount.
    """

    open_minor: Int
    excluded_by: Int
    unknown_by: Int
    cut_minor: Mapping[Rule, Int]
    eligible_minor: Int

    @property
    def unknown_minor(self) -> Int:
        """The open amounts of invoices that are unknown."""
        return np.where(self.unknown_by != NO_RULE, self.open_minor, 0)

    def after(self, cut: PartialCut) -> Buckets:
        """Returns the buckets after a further partial rule, which acts on the eligible amounts."""
        taken = cut.excluded(self.eligible_minor)
        # A rule such as the insured limit may cut an invoice and its debtor.
        before = self.cut_minor.get(cut.rule)
        cuts = {**self.cut_minor, cut.rule: taken if before is None else before + taken}
        return replace(self, cut_minor=cuts, eligible_minor=self.eligible_minor - taken)

    def by_rule(self) -> dict[Rule, int]:
        """Returns the amount that each rule excludes, without rules that exclude nothing."""
        sums = {rule: int(self.open_minor[self.excluded_by == rule].sum()) for rule in Rule}
        for rule, amounts in self.cut_minor.items():
            sums[rule] += int(amounts.sum())
        return {rule: amount for rule, amount in sums.items() if amount}


@dataclass(frozen=True)
class Eligibility:
    """The buckets of a pool without its unknown invoices, and with those that counted when they were last known.

    Both are one object if no unknown invoice counted.
    """

    conservative: Buckets
    last_good: Buckets


def eligibility(open_minor: Int, exclusions: Exclusions, cuts: Sequence[PartialCut], was_good: Bool) -> Eligibility:
    """Applies the rules to the invoices [n] of a pool.

    ``cuts`` are applied in their order, to the invoices that count. ``was_good`` states whether an invoice was eligible
    when all of its facts were last known. Raises InvalidInput for a negative open amount, or a sum of 2^53 minor units
    or more.
    """
    check_amounts("open_minor", open_minor)
    rules = tuple(rule for rule, _ in exclusions)
    excluded_by = first(rules, tuple(truth.true for _, truth in exclusions), len(open_minor))
    doubtful_by = first(rules, tuple(truth.unknown for _, truth in exclusions), len(open_minor))
    unknown_by = np.where(excluded_by == NO_RULE, doubtful_by, NO_RULE)
    conservative = _buckets(open_minor, excluded_by, unknown_by, cuts)
    if not (was_good & (unknown_by != NO_RULE)).any():
        return Eligibility(conservative, conservative)
    last_good = _buckets(open_minor, excluded_by, np.where(was_good, NO_RULE, unknown_by), cuts)
    return Eligibility(conservative, last_good)


def _buckets(open_minor: Int, excluded_by: Int, unknown_by: Int, cuts: Sequence[PartialCut]) -> Buckets:
    left = np.where((excluded_by == NO_RULE) & (unknown_by == NO_RULE), open_minor, 0)
    found = Buckets(open_minor, excluded_by, unknown_by, {}, left)
    for cut in cuts:
        found = found.after(cut)
    return found
