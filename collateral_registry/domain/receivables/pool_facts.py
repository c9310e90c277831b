"""Everything that the value of a pool is computed from, with its debtors resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts
from collateral_registry.domain.receivables.claims.issued_again import issued_again
from collateral_registry.domain.receivables.claims.repeated import repeated_claims
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts, DebtorLimits
from collateral_registry.domain.receivables.estimates.pool_estimate import DebtorEstimates
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.shared.days import NO_DAY
from valuation._typing import Bool, Dates, Int, Texts
from valuation.receivables.concentration import ConcentrationMode

GroupName = int | str
"""A group of debtors: the key of a registered debtor, or the text that states another one."""

NO_LINE = -1
"""Stands for the line of a debtor without one."""


@dataclass(frozen=True)
class PoolTerms:
    """A pool as registered, and what is estimated of it.

    ``owner`` states the debtor as which the owner is registered, and ``owner_key`` is its key, 0 for none.
    ``owner_group`` is the group of the owner among the debtors, 0 if the owner is not registered as one, and
    ``owner_country`` its country, empty if it is not stated. ``mode`` is the pool's own concentration mode.
    ``value_part`` is the bound of the misstatement by a verification on ``verification_day``, and ``dilution`` the
    estimated dilution with its spike; NaN where the policy's number stands in. ``least_value_part`` is the bound that
    the bad answers to a newer verification already support, NaN without any. ``is_fed`` states whether a feed keeps
    the ledger, so that it must not be stale. ``is_too_large`` states that the open amounts of the ledger sum to more
    than an amount may be: the ledger of the facts is then empty.
    """

    currency: str
    owner: str = ""
    owner_key: int = 0
    owner_group: int = 0
    owner_country: str = ""
    mode: ConcentrationMode | None = None
    is_disclosed: bool = True
    is_fed: bool = True
    value_part: float = float("nan")
    verification_day: int = NO_DAY
    least_value_part: float = float("nan")
    dilution: float = float("nan")
    dilution_spike: float = float("nan")
    is_too_large: bool = False


@dataclass(frozen=True)
class PoolFacts:
    """A pool on a day: its ledger, the debtors that the ledger names, and the assignment of each invoice.

    ``debtors`` holds the texts of :func:`stated_debtors` in their order. ``line_left_minor`` [d] is what the debtor's
    line leaves for this pool, in its currency, or NO_LINE. ``estimates`` and ``limits`` are those of the debtors; None
    if the pool has none.
    """

    ledger: PoolLedger
    debtors: DebtorFacts
    assignments: AssignmentFacts
    terms: PoolTerms
    line_left_minor: Int
    estimates: DebtorEstimates | None = None
    limits: DebtorLimits | None = None

    @cached_property
    def resolved(self) -> ResolvedDebtors:
        """The debtors after several texts of one debtor have been joined."""
        return _resolved(self.ledger, self.debtors)

    @cached_property
    def is_own_currency(self) -> Bool:
        """Whether each invoice is in the pool's currency; minor units of another one must not be added to its own."""
        return np.asarray(self.ledger.currency == self.terms.currency).astype(np.bool_)

    @cached_property
    def own_open_minor(self) -> Int:
        """The open amount of each claim in the pool's currency; 0 for an invoice in another one, or a repeated one."""
        return np.where(self.is_own_currency & ~self.is_repeated, self.ledger.open_minor, 0)

    @cached_property
    def is_repeated(self) -> Bool:
        """Whether each invoice repeats one that the pool has under another text of its debtor, or of its number.

        Of invoices of a debtor with one number in the pool's currency that are not cancelled, the one with the smallest
        open amount counts, of equal ones the first; the others repeat it. If their days differ, no one knows which are
        right, and all of them repeat each other.
        """
        return repeated_claims(self.ledger, self.resolved.of_invoice, self.is_own_currency)

    @cached_property
    def is_issued_again(self) -> Bool:
        """Whether each invoice may be an earlier one of its debtor that was withdrawn and issued again."""
        return issued_again(self.ledger, self.resolved.of_invoice, self.is_own_currency)

    @cached_property
    def issue(self) -> Dates:
        """The day of issue of each invoice."""
        return dates(self.ledger.issue_day)

    @cached_property
    def due(self) -> Dates:
        """The due day of each invoice."""
        return dates(self.ledger.due_day)


@dataclass(frozen=True)
class ResolvedDebtors:
    """Debtors [r] of a pool; ``row`` is a row of the debtor facts, and ``group`` numbers the groups of debtors.

    ``names`` [g] are the groups: the key of the topmost parent, or the text of a debtor that is not registered.
    """

    of_invoice: Int
    of_balance: Int
    row: Int
    group: Int
    names: Sequence[GroupName]

    @property
    def groups(self) -> int:
        """The number of groups."""
        return len(self.names)

    @property
    def count(self) -> int:
        """The number of debtors."""
        return len(self.row)


def stated_debtors(ledger: PoolLedger) -> Texts:
    """Returns each text by which the ledger names a debtor once, in alphabetical order."""
    heads = ledger.debtor[first_rows(ledger.debtor)].tolist() + ledger.balance_debtor.tolist()
    return np.array(sorted(set(heads)), dtype=object)


def group_names(debtors: DebtorFacts) -> list[GroupName]:
    """Returns the group of each debtor [d]."""
    keys = np.where(debtors.group_key > 0, debtors.group_key, debtors.debtor_key).tolist()
    return [key or text for key, text in zip(keys, debtors.stated.tolist(), strict=True)]


def dates(days: Int) -> Dates:
    """Returns day numbers as dates; NaT for NO_DAY."""
    return np.where(days == NO_DAY, _NAT, days).view("datetime64[D]")


_NAT = np.datetime64("NaT", "D").view(np.int64)


def _resolved(ledger: PoolLedger, debtors: DebtorFacts) -> ResolvedDebtors:
    place = {text: row for row, text in enumerate(debtors.stated.tolist())}
    starts = first_rows(ledger.debtor)
    heads = np.array([place[text] for text in ledger.debtor[starts].tolist()], dtype=np.int64)
    of_balance = np.array([place[text] for text in ledger.balance_debtor.tolist()], dtype=np.int64)
    identity = debtors.identity
    _, row, number = np.unique(identity, return_index=True, return_inverse=True)
    family = np.where(debtors.group_key[row] > 0, debtors.group_key[row], identity[row])
    _, first, group = np.unique(family, return_index=True, return_inverse=True)
    of_text = group_names(debtors)
    names = [of_text[at] for at in row[first].tolist()]
    lengths = np.diff(np.append(starts, len(ledger.debtor)))
    return ResolvedDebtors(
        of_invoice=np.repeat(number[heads], lengths),
        of_balance=number[of_balance],
        row=row.astype(np.int64),
        group=group.astype(np.int64),
        names=names,
    )


def first_rows(texts: Texts) -> Int:
    """Returns the rows at which a text differs from the one before."""
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.append(True, texts[1:] != texts[:-1]))
