"""Rules that exclude a part of an invoice's amount, or of the amount of a debtor or group.

A cut takes what is left of each invoice [n] after the cuts before it and returns what it excludes of each. Invoices
that do not count have nothing left. The cut of a group is borne in the order of the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from valuation._typing import Int
from valuation.receivables.concentration import ConcentrationMode, kept_by_share
from valuation.receivables.groups import Groups
from valuation.receivables.rules import Rule


class PartialCut(Protocol):
    """A rule that excludes parts of amounts."""

    @property
    def rule(self) -> Rule:
        """The rule that the excluded amounts are attributed to."""
        ...

    def excluded(self, left_minor: Int) -> Int:
        """Returns what the rule excludes of each invoice's remaining amount [n], at most that amount."""
        ...


@dataclass(frozen=True)
class InvoiceCut:
    """Excludes an amount of each invoice [n], such as a retention or a disputed amount."""

    rule: Rule
    amount_minor: Int

    def excluded(self, left_minor: Int) -> Int:
        """Returns the amounts, at most what is left."""
        return np.asarray(np.minimum(left_minor, self.amount_minor))


@dataclass(frozen=True)
class InvoiceLimit:
    """Keeps at most a limit of each invoice [n], such as an insured amount."""

    rule: Rule
    limit_minor: Int

    def excluded(self, left_minor: Int) -> Int:
        """Returns what is left above the limits."""
        return np.asarray(np.maximum(left_minor - self.limit_minor, 0))


@dataclass(frozen=True)
class GroupCut:
    """Excludes an amount of each group [g], such as unapplied credits or what is owed to the debtor."""

    rule: Rule
    groups: Groups
    amount_minor: Int

    def excluded(self, left_minor: Int) -> Int:
        """Returns the invoices' parts of the amounts."""
        return _served(self.groups, left_minor, self.amount_minor)


@dataclass(frozen=True)
class GroupLimit:
    """Keeps at most a limit of each group [g], such as an insurer's limit, a lender's limit or what a line leaves."""

    rule: Rule
    groups: Groups
    limit_minor: Int

    def excluded(self, left_minor: Int) -> Int:
        """Returns the invoices' parts of what their group has left above its limit."""
        above = np.maximum(self.groups.sums(left_minor) - self.limit_minor, 0)
        return _served(self.groups, left_minor, above)


@dataclass(frozen=True)
class ShareLimit:
    """Keeps at most a share of the pool of each group [g]; ``gross_minor`` is the open amount of the pool."""

    rule: Rule
    groups: Groups
    share_ppm: Int
    mode: ConcentrationMode
    gross_minor: int

    def excluded(self, left_minor: Int) -> Int:
        """Returns the invoices' parts of what their group has left above its share."""
        amount = self.groups.sums(left_minor)
        kept = kept_by_share(amount, self.share_ppm, self.mode, self.gross_minor)
        return _served(self.groups, left_minor, amount - kept)


def _served(groups: Groups, left_minor: Int, amount_minor: Int) -> Int:
    """Returns the invoices' parts of the amounts of their groups [g]; most rules exclude nothing of most pools."""
    return groups.serve(left_minor, amount_minor) if amount_minor.any() else np.zeros_like(left_minor)
