"""Expected recoverable and lendable amounts of eligible invoices, in columns.

A pool lends what its invoices lend, rounded down once for the pool and not once for each invoice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from valuation._typing import Float, Int
from valuation.checks import require
from valuation.money import AMOUNT_LIMIT_MINOR, PPM, SHARE_UNITS, allocate, mul_div

DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Expectation:
    """What is expected of each invoice [n]: days until it is paid, and what is lost until then.

    ``dilution`` is the share that is reduced other than by payment, ``pd`` the debtor's probability of default in a
    year, ``lgd`` the share lost in a default and ``rate`` the yearly rate of discount.
    """

    days: Int
    dilution: Float
    pd: Float
    lgd: Float
    rate: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for negative days or rates, or a share outside 0 to 1."""
        require("days", self.days, self.days >= 0, "0 or more")
        require("rate", self.rate, self.rate >= 0.0, "0 or more")
        for name in ("dilution", "pd", "lgd"):
            share = getattr(self, name)
            require(name, share, (share >= 0.0) & (share <= 1.0), "0 to 1")

    @cached_property
    def factors(self) -> tuple[Float, Float]:
        """The share that is paid and the discount of each invoice [n]."""
        paid = default_probability(self.pd, self.days)
        paid *= self.lgd
        np.subtract(1.0, paid, out=paid)
        paid *= 1.0 - self.dilution
        years = self.days / -DAYS_PER_YEAR
        return paid, np.power(1.0 + self.rate, years, out=years)


@dataclass(frozen=True)
class InvoiceParts:
    """Haircut parts of each invoice [n], in the order in which they are taken."""

    value: Float
    liquidity: Float
    cost: Float
    legal: Float

    def __post_init__(self) -> None:
        """Raises InvalidInput for a part outside 0 to 1."""
        for name in ("value", "liquidity", "cost", "legal"):
            part = getattr(self, name)
            require(name, part, (part >= 0.0) & (part <= 1.0), "0 to 1")

    def in_order(self) -> tuple[Float, Float, Float, Float]:
        """Returns the parts as a sequence."""
        return self.value, self.liquidity, self.cost, self.legal

    @cached_property
    def kept_units(self) -> Int:
        """What the parts keep of each invoice [n], in SHARE_UNITS."""
        return np.rint(_kept(self) * SHARE_UNITS).astype(np.int64)


@dataclass(frozen=True)
class PoolParts:
    """The haircut parts of a pool, whose product keeps what the parts of its invoices keep."""

    value: float
    liquidity: float
    cost: float
    legal: float


@dataclass(frozen=True)
class Lendable:
    """What invoices [n] lend: whole minor units, and remainders in SHARE_UNITS, of which the pool lends the whole sum.

    A pool lends at most ``most_minor``.
    """

    whole_minor: Int
    remainder: Int
    most_minor: int

    @property
    def total_minor(self) -> int:
        """What the pool lends, rounded down once."""
        return min(lent_minor(int(self.whole_minor.sum()), int(self.remainder.sum())), self.most_minor)

    @cached_property
    def share_minor(self) -> Int:
        """The invoices' shares [n] of what the pool lends, by the largest remainder, of equal ones the first row's."""
        shares = self.whole_minor.copy()
        shares[_largest(self.remainder, int(self.remainder.sum()) // SHARE_UNITS)] += 1
        total = self.total_minor
        return shares if int(shares.sum()) == total else allocate(total, shares)


def lent_minor(whole_minor: int, remainder: int) -> int:
    """Returns what a pool lends by the sums of its invoices: whole minor units, and remainders in SHARE_UNITS."""
    return whole_minor + remainder // SHARE_UNITS


def default_probability(pd: Float, days: Int) -> Float:
    """Returns the probability of a default within some days, for a yearly probability: 1 - (1 - PD)^(days / 365)."""
    survived = np.asarray(1.0 - pd)
    survived = np.power(survived, days / DAYS_PER_YEAR, out=survived)
    return np.subtract(1.0, survived, out=survived)


def expected_recoverable(eligible_minor: Int, expected: Expectation) -> Int:
    """Returns the present value [n] of what is expected to be paid, rounded half to even; at most the eligible amount.

    It is ``eligible x (1 - dilution) x (1 - LGD x PD of the days) x (1 + rate)^(-days / 365)``.
    """
    return present_value(eligible_minor, *expected.factors)


def present_value(eligible_minor: Int, paid: Float, discount: Float) -> Int:
    """Returns eligible amounts [n] by the share that is paid and the discount, rounded half to even."""
    amount = eligible_minor * paid
    amount *= discount
    return np.rint(amount, out=amount).astype(np.int64)


def lendable(
    recoverable_minor: Int, eligible_minor: Int, kept_units: Int, advance_ppm: Int, most_minor: int = AMOUNT_LIMIT_MINOR
) -> Lendable:
    """Returns what the invoices [n] lend: the recoverable amount after the parts, at most the advance on the eligible.

    ``kept_units`` is what the haircut parts keep of each invoice, in SHARE_UNITS. Each amount is exact.
    """
    economic, advanced = (
        mul_div(amount, units, SHARE_UNITS)
        for amount, units in ((recoverable_minor, kept_units), (eligible_minor, advance_ppm * (SHARE_UNITS // PPM)))
    )
    is_economic = (economic[0] < advanced[0]) | ((economic[0] == advanced[0]) & (economic[1] <= advanced[1]))
    whole, remainder = (np.where(is_economic, *columns) for columns in zip(economic, advanced, strict=True))
    return Lendable(whole, remainder, most_minor)


def _largest(values: Int, count: int) -> Int:
    """Returns the rows of the largest values; of equal values the first rows."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > least)
    return np.concatenate([above, np.flatnonzero(values == least)[: count - len(above)]])


def pool_parts(recoverable_minor: Int, parts: InvoiceParts) -> PoolParts:
    """Returns the haircut parts of a pool: of each part, what it takes of what the parts before it leave of the sum."""
    left = recoverable_minor.astype(np.float64)
    pooled = []
    for part in parts.in_order():
        before = float(left.sum())
        left = left * (1.0 - part)
        pooled.append(1.0 - float(left.sum()) / before if before > 0.0 else 0.0)
    return PoolParts(*pooled)


def _kept(parts: InvoiceParts) -> Float:
    kept = np.ones_like(parts.value)
    for part in parts.in_order():
        kept = kept * (1.0 - part)
    return kept
