"""Codes of the eligibility rules, and what a rule says of invoices: true, false or unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from valuation._typing import Bool, Int


class Rule(IntEnum):
    """The rules in their default order; the numeric values are stored. ``docs/receivables.md`` states each rule."""

    DEBTOR_INSOLVENT = 1
    AFFILIATE = 2
    NOT_DELIVERED = 3
    BILL_CLAIM = 4
    FACTORED_ELSEWHERE = 5
    CONSIGNMENT = 6
    PROGRESS_BILLING = 7
    OVER_AGE = 8
    PAST_DUE = 9
    TENOR = 10
    CERTIFICATE_TENOR = 11
    TERMS_BEYOND_LAW = 12
    FOREIGN_UNINSURED = 13
    GOVERNMENT = 14
    CONSUMER = 15
    ASSIGNMENT_BARRED = 16
    NOT_ASSIGNED = 17
    JUNIOR_ASSIGNMENT = 18
    REFUSED = 19
    RE_AGED = 20
    CURRENCY_BARRED = 21
    MANUAL = 22
    CROSS_AGE = 23
    RETENTION = 24
    DISPUTED = 25
    UNAPPLIED_CREDIT = 26
    CONTRA = 27
    INSURED_LIMIT = 28
    DEBTOR_LIMIT = 29
    DEBTOR_LINE = 30
    CONCENTRATION = 31


NO_RULE = 0
"""Stands in columns of rules for an invoice that no rule names."""


@dataclass(frozen=True)
class Truth:
    """What a rule says of each invoice [n]; an invoice for which it is neither true nor unknown is kept by it."""

    true: Bool
    unknown: Bool

    def __post_init__(self) -> None:
        """Keeps the two columns disjoint: what is true is not unknown."""
        object.__setattr__(self, "unknown", self.unknown & ~self.true)

    def __or__(self, other: Truth) -> Truth:
        """Returns whether either holds; true or unknown is true."""
        return Truth(self.true | other.true, self.unknown | other.unknown)


def stated(true: Bool, known: Bool | None = None) -> Truth:
    """Returns the truth of a recorded fact [n]; where it is not ``known`` the rule is unknown."""
    return Truth(true, np.zeros_like(true)) if known is None else Truth(true & known, ~known)


def first(rules: tuple[Rule, ...], holds: tuple[Bool, ...], count: int) -> Int:
    """Returns the first rule that holds of each invoice [count], or NO_RULE."""
    found = np.full(count, NO_RULE, dtype=np.int64)
    for rule, column in zip(reversed(rules), reversed(holds), strict=True):
        found[column] = rule
    return found
