"""Days from the due day of an invoice to its payment, as a distribution for each debtor.

Open invoices are censored: they are known to be paid later than today. Without them the worst payers would be missing.
A debtor's own invoices are weighted against the book by credibility: the distribution is the posterior mean under a
Dirichlet prior around the book's distribution (Susarla and Van Ryzin 1976, doi 10.1080/01621459.1976.10480966). With a
weight of 0 for the book it is the Kaplan-Meier estimate, and without open invoices it is the weighted mean of the
debtor's and the book's empirical distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation._typing import Bool, Float, Int
from valuation.checks import require
from valuation.errors import InvalidInput
from valuation.statistics.credibility import credibility

BOOK_INVOICES = 2.0
"""Number of invoices that the book's distribution weighs against a debtor's own (docs/models/payment-days.md)."""

LAST_DAY = 180
"""Days late from which invoices are no longer distinguished: the last day of a distribution means "or later"."""

ROUNDING = 1e-12
"""Sums of shares that are short of a level by less than this reach it."""


@dataclass(frozen=True)
class Payments:
    """Invoices [n] of debtors.

    ``days`` run from the due day to the payment, or to today for an invoice that is open; they are negative before the
    due day. ``weight`` is 1 for each invoice, or its ``amount_weights``.
    """

    debtor: Int
    days: Int
    is_open: Bool
    weight: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a weight that is not positive."""
        require("weight", self.weight, self.weight > 0.0, "more than 0")


@dataclass(frozen=True)
class PaymentDays:
    """Probability of a payment on each of ``days`` [t] after the due day, for each debtor [d].

    The last day means that day or later. ``credibility`` [d] is the weight of the debtor's own invoices; it is 0 for a
    debtor without invoices, which has the book's distribution.
    """

    days: Int
    share: Float
    credibility: Float

    def mean(self) -> Float:
        """Returns the expected days late of each debtor [d]; a payment later than the last day counts as on it."""
        return np.asarray(self.share @ self.days)

    def quantile(self, level: float) -> Int:
        """Returns the first day by which a payment has at least the probability ``level``, for each debtor [d]."""
        return np.asarray(self.days[_reaches(self._cumulative(), level).argmax(axis=1)])

    def shortest_interval(self, level: float) -> tuple[Int, Int]:
        """Returns the first and last day of the shortest interval of at least the probability ``level`` [d].

        Of intervals of the same length the most probable one is returned, and of equal ones the earliest.
        """
        before = np.pad(self._cumulative(), ((0, 0), (1, 0)))
        low = np.zeros(len(before), dtype=np.int64)
        high = np.full(len(before), len(self.days) - 1)
        pending = np.arange(len(before))
        for length in range(1, len(self.days) + 1):
            within = before[pending, length:] - before[pending, :-length]
            start = within.argmax(axis=1)
            found = _reaches(within[np.arange(len(pending)), start], level)
            low[pending[found]] = start[found]
            high[pending[found]] = start[found] + length - 1
            pending = pending[~found]
            if not len(pending):
                break
        return self.days[low], self.days[high]

    def expected_wait(self, debtor: Int, days_late: Int) -> Float:
        """Returns the expected days until open invoices [n] are paid, given that they are not paid by ``days_late``.

        NaN where the debtor's distribution has no later day: such a debtor has no estimate.
        """
        # Column c of the tails is the probability of, and the sum of days over, payments from day c on.
        tail, tail_days = (
            np.pad(np.cumsum(column[:, ::-1], axis=1)[:, ::-1], ((0, 0), (0, 1)))
            for column in (self.share, self.share * self.days)
        )
        column = np.clip(days_late + 1 - self.days[0], 0, len(self.days))
        left, left_days = tail[debtor, column], tail_days[debtor, column]
        known = left > ROUNDING
        return np.where(known, left_days / np.where(known, left, 1.0) - days_late, np.nan)

    def _cumulative(self) -> Float:
        return np.asarray(np.cumsum(self.share, axis=1))


def payment_days(
    payments: Payments, debtors: int, *, book_invoices: float = BOOK_INVOICES, last_day: int = LAST_DAY
) -> PaymentDays:
    """Returns the distribution of each debtor from its invoices and those of the book.

    The book's distribution is the Kaplan-Meier estimate in which every debtor counts equally, because a new debtor
    resembles a debtor of the book and not an invoice of its largest one. An invoice that is open on ``last_day`` or
    later is known to fall on the last day. Raises InvalidInput unless an invoice is paid and ``book_invoices`` is
    positive, or for a debtor outside 0 to ``debtors`` - 1.
    """
    require("debtor", payments.debtor, (payments.debtor >= 0) & (payments.debtor < debtors), f"0 to {debtors - 1}")
    if payments.is_open.all() or not book_invoices > 0.0:
        raise InvalidInput("payments, book_invoices", book_invoices, "at least one paid invoice, and more than 0")
    days = np.arange(min(int(payments.days.min()), last_day), last_day + 1)
    cells = payments.debtor * len(days) + np.clip(payments.days, None, last_day) - days[0]
    censored = payments.is_open & (payments.days < last_day)
    paid, open_ = (_table(cells, payments.weight * rows, debtors, len(days)) for rows in (~censored, censored))
    # A payment on a day precedes the end of the day, at which an open invoice is still unpaid.
    at_risk = np.cumsum((paid + open_)[:, ::-1], axis=1)[:, ::-1]
    size = at_risk[:, 0]
    each = 1.0 / np.where(size > 0.0, size, 1.0)
    book = _shares(_hazard(each @ paid, each @ at_risk))
    book_at_risk = book_invoices * np.cumsum(book[::-1])[::-1]
    share = _shares(_hazard(paid + book_invoices * book, at_risk + book_at_risk))
    return PaymentDays(days, share, credibility(size, book_invoices))


def amount_weights(amount_minor: Int, debtor: Int, debtors: int) -> Float:
    """Returns weights of invoices [n] in proportion to their amounts, so that days are those of money.

    The weights of a debtor sum to the number of equal invoices that would be as informative, ``(sum a)^2 / sum a^2``
    (Kish 1965): one large invoice among small ones is little experience. Raises InvalidInput for an amount that is not
    positive.
    """
    require("amount_minor", amount_minor, amount_minor > 0, "more than 0")
    amount = amount_minor.astype(np.float64)
    sums, squares = (np.bincount(debtor, weights=column, minlength=debtors) for column in (amount, amount**2))
    return np.asarray(amount * sums[debtor] / squares[debtor])


def _table(cells: Int, weight: Float, debtors: int, days: int) -> Float:
    sums = np.bincount(cells, weights=weight, minlength=debtors * days)
    return np.asarray(sums.reshape(debtors, days), dtype=np.float64)


def _hazard(paid: Float, at_risk: Float) -> Float:
    """Returns the probability of a payment on a day if it was not earlier; 1 on the last day, which has no later one.

    Where no invoice is at risk nothing is known, and the payment is taken to be later.
    """
    hazard = np.divide(paid, at_risk, out=np.zeros_like(paid), where=at_risk > ROUNDING)
    hazard[..., -1] = 1.0
    return np.clip(hazard, 0.0, 1.0)


def _shares(hazard: Float) -> Float:
    """Returns the probability of each day [..., t]; the probabilities sum to 1."""
    unpaid = np.cumprod(1.0 - hazard, axis=-1)
    before = np.concatenate([np.ones_like(unpaid[..., :1]), unpaid[..., :-1]], axis=-1)
    return np.asarray(before * hazard)


def _reaches(probability: Float, level: float) -> Bool:
    return np.asarray(probability >= level - ROUNDING)
