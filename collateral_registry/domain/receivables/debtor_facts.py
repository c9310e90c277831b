"""What is known of debtors, in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int, Texts


@dataclass(frozen=True)
class DebtorFacts:
    """Debtors [d] as of a commit, in the order in which they were asked for.

    ``stated`` is the debtor as a ledger states it: an id, an identifier ``scheme:value``, or an id that was merged into
    another. ``debtor_key`` is 0 where no debtor is registered; the other columns then hold no facts. ``own_key`` is the
    key of the stated debtor before merges. ``group_key`` is the key of the topmost parent, or the debtor's own. ``pd``
    is the probability of default in a year, NaN where it is not stated. ``line_minor`` is the line over the book in
    minor units of ``line_currency``, -1 for none.
    """

    stated: Texts
    debtor_key: Int
    own_key: Int
    group_key: Int
    parent_stated: Bool
    kind: Int
    state: Int
    is_core_firm: Bool
    country: Texts
    pd: Float
    pd_day: Int
    line_minor: Int
    line_currency: Texts
    line_expire_day: Int

    @property
    def identity(self) -> Int:
        """A number of each debtor, the same for all texts of one registered debtor; others are debtors of their own."""
        return np.where(self.debtor_key > 0, self.debtor_key, -1 - np.arange(len(self.stated)))


@dataclass(frozen=True)
class DebtorLimits:
    """Limits of debtors [d] in one pool on a day, in minor units of its currency; -1 for none.

    ``covered_minor`` is what an insurance in force covers, ``insured_minor`` also counts one that has lapsed, and
    ``permitted_minor`` is the lender's limit.
    """

    covered_minor: Int
    insured_minor: Int
    permitted_minor: Int
