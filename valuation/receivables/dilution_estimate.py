"""Dilution of a pool and of each of its debtors from monthly credits and sales, the lag of credits, and their trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from valuation._typing import Float, Int
from valuation.errors import InvalidInput
from valuation.receivables.dilution import SPIKE_MONTHS, Dilution, dilution_of, dilution_ratios
from valuation.statistics.credibility import blended, credibility, experience
from valuation.statistics.cusum import Cusum, cusum

MONTHS = 12
LEAST_MONTHS = 6
"""Newest months of a record that count, and fewest months of a pool that has an estimate of its own."""

DAYS_PER_MONTH = 30

TREND_ALLOWANCE = 0.5
TREND_THRESHOLD = 4.0
"""Part of each score that is not counted as a rise, and sum above which a rise is an alarm: half of the shift of one
standard deviation that is to be found, and the usual limit for it (Montgomery, Introduction to Statistical Quality
Control, section 9.1)."""

LARGEST_SCORE = 3.0
"""Cap on scores: one extreme month is a spike, which the reserve covers, and not a trend."""


@dataclass(frozen=True)
class DilutionRecord:
    """Reductions other than by payment, and sales, of each debtor [d] in consecutive months [d, m], in minor units.

    Write-offs for insolvency are no dilution. The reductions of a month are compared with the sales ``lag_months``
    before.
    """

    diluted_minor: Int
    sales_minor: Int
    lag_months: int

    def __post_init__(self) -> None:
        """Raises InvalidInput for a negative amount or a lag that leaves no month."""
        for name in ("diluted_minor", "sales_minor"):
            if (getattr(self, name) < 0).any():
                raise InvalidInput(name, getattr(self, name).min(), "0 or more")
        if not 0 <= self.lag_months < self.sales_minor.shape[1]:
            raise InvalidInput("lag_months", self.lag_months, f"0 to {self.sales_minor.shape[1] - 1}")

    def newest(self) -> tuple[Int, Int]:
        """Returns the reductions of the newest months and the sales that they reduce [d, months]."""
        months = self.sales_minor.shape[1] - self.lag_months
        return self.diluted_minor[:, self.lag_months :][:, -MONTHS:], self.sales_minor[:, :months][:, -MONTHS:]


@dataclass(frozen=True)
class DilutionEstimate:
    """Dilution of a pool and of its debtors [d].

    ``credibility`` [d] is the weight of a debtor's own record; the rest is the pool's. ``is_stand_in`` states that the
    pool's record is too short and that the class stands in for it.
    """

    pool: Dilution
    expected: Float
    spike: Float
    credibility: Float
    is_stand_in: bool


def estimated_dilution(record: DilutionRecord, stand_in: Dilution) -> DilutionEstimate:
    """Returns the dilution of the newest twelve months, with the debtors' own ratios by their credibility.

    A debtor's ratios are those of sums over its months, so that a month with few sales weighs little. Reductions of a
    month without sales count in the month with sales before it. The constant of the credibility is estimated from the
    record; it is infinite, and every debtor has the pool's dilution, if the debtors do not differ more than their
    months do. A debtor with fewer than three months of sales has the pool's dilution. A pool with fewer than six months
    of sales has the dilution ``stand_in`` of its class, and its debtors too.
    """
    diluted, sales = record.newest()
    pool_sales = sales.sum(axis=0)
    ratios = dilution_ratios(_of_months_with_sales(diluted.sum(axis=0)[None], pool_sales[None])[0], pool_sales, 0)
    known = ratios[~np.isnan(ratios)]
    none = np.zeros(len(sales))
    if len(known) < LEAST_MONTHS:
        expected, spike = none + stand_in.expected, none + stand_in.spike
        return DilutionEstimate(stand_in, expected, spike, credibility=none, is_stand_in=True)
    pool = dilution_of(known)
    diluted = _of_months_with_sales(diluted, sales)
    debtor, month = np.nonzero(sales)
    weights = sales[debtor, month] / sales[debtor, month].mean()
    own = experience(diluted[debtor, month] / sales[debtor, month], weights, debtor, len(sales))
    weight = np.where(np.count_nonzero(sales, axis=1) >= SPIKE_MONTHS, own.weight, 0.0)
    return DilutionEstimate(
        pool,
        blended(own.mean, weight, pool.expected, own.constant),
        blended(np.maximum(_spikes(diluted, sales), own.mean), weight, pool.spike, own.constant),
        credibility=credibility(weight, own.constant),
        is_stand_in=False,
    )


def horizon_ratio(sales_minor: Int, horizon_months: int, eligible_minor: int) -> float:
    """Returns the sales of the newest months [m] within the dilution horizon, divided by the eligible amount.

    Raises InvalidInput for a horizon outside the record, or an eligible amount that is not positive.
    """
    if not 0 < horizon_months <= len(sales_minor) or eligible_minor <= 0:
        want = f"1 to {len(sales_minor)} months, and an amount above 0"
        raise InvalidInput("horizon_months, eligible_minor", (horizon_months, eligible_minor), want)
    return float(sales_minor[-horizon_months:].sum()) / eligible_minor


def credit_lag_reserve(days_to_credit: Int, monthly_credits_minor: int) -> int:
    """Returns the credits that are caused and not booked yet: median days to a credit note x credits a month / 30.

    ``days_to_credit`` [n] run from the invoice to its credit note. The reserve is rounded up; without a credit note it
    is 0. Raises InvalidInput for negative days or credits.
    """
    if (days_to_credit < 0).any() or monthly_credits_minor < 0:
        raise InvalidInput("days_to_credit, monthly_credits_minor", monthly_credits_minor, "0 or more, both")
    if not len(days_to_credit):
        return 0
    # The median is a multiple of half a day.
    half_days = round(2.0 * float(np.median(days_to_credit)))
    return -(-half_days * monthly_credits_minor // (2 * DAYS_PER_MONTH))


def trend_scores(ratios: Float, reference_months: int = MONTHS) -> Float:
    """Returns how many standard deviations each month after the reference months lies above their mean.

    If the reference months are all equal, a different month is infinitely far. Raises InvalidInput unless there are two
    reference months or more, or for a ratio that is missing.
    """
    if not 2 <= reference_months <= len(ratios) or np.isnan(ratios).any():
        want = f"2 to {len(ratios)}, with a ratio in every month"
        raise InvalidInput("reference_months", reference_months, want)
    reference = ratios[:reference_months]
    excess = ratios[reference_months:] - reference.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(excess / reference.std(ddof=1), nan=0.0, posinf=np.inf, neginf=-np.inf))


def rising(scores: Float, statistic: float = 0.0) -> Cusum:
    """Returns the months [n] at which the dilution has risen: S = max(0, S + min(z, 3) - 0.5), an alarm above 4."""
    return cusum(np.minimum(scores, LARGEST_SCORE) - TREND_ALLOWANCE, TREND_THRESHOLD, statistic)


def _of_months_with_sales(diluted: Int, sales: Int) -> Int:
    """Moves the reductions of months without sales to the month with sales before them, or else to the first [d, m]."""
    has_sales = sales > 0
    latest = np.maximum.accumulate(np.where(has_sales, np.arange(sales.shape[1]), -1), axis=1)
    month = np.where(latest >= 0, latest, has_sales.argmax(axis=1)[:, None])
    moved = np.zeros_like(diluted)
    np.add.at(moved, (np.arange(len(sales))[:, None], month), diluted)
    return moved


def _spikes(diluted: Int, sales: Int) -> Float:
    """Returns the highest ratio of three consecutive months with sales of each debtor [d]; 0 without any."""
    reductions, base = (sliding_window_view(column, SPIKE_MONTHS, axis=1).sum(axis=2) for column in (diluted, sales))
    ratios = np.divide(reductions, base, out=np.zeros(base.shape), where=base > 0)
    return np.asarray(ratios.max(axis=1))
