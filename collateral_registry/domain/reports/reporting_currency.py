"""Sums of several currencies in one reporting currency, at the rates of a moment.

A sum of one currency is converted once, exactly, by the quotes as they were reported, and then rounded to the minor
unit of the reporting currency: what is owed up, what secures it down, so that no sum looks safer than it is. A total is
the sum of these amounts. A rate that is missing, older than the policy allows, or followed by a quarantined one is not
used: a total that needs it is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

from collateral_registry.domain.prices.exchange_rates import FxLeg, legs_of
from collateral_registry.domain.prices.market_data import FxQuote
from collateral_registry.domain.reports.totals import Total
from collateral_registry.domain.shared.money import digits_of


class RateProblem(IntEnum):
    """Why a rate cannot be used; the numeric values are sent."""

    NO_RATE = 1
    STALE_RATE = 2
    NEWER_RATE_QUARANTINED = 3


@dataclass(frozen=True)
class ReportingRate:
    """The conversion of a currency: the quotes of its path, and why they cannot be used; None if they can."""

    currency: str
    legs: Sequence[FxLeg] = ()
    problem: RateProblem | None = None

    @property
    def day(self) -> int | None:
        """The day of the older quote; None without quotes."""
        return min((leg.day for leg in self.legs), default=None)

    @property
    def factor(self) -> Fraction:
        """The exact product of the quotes in the direction of the conversion."""
        return math.prod((_factor(leg) for leg in self.legs), start=Fraction(1))


@dataclass(frozen=True)
class ReportingRates:
    """The reporting currency, and the conversion of each currency into it."""

    currency: str
    by_currency: Mapping[str, ReportingRate]

    def is_usable(self, currency: str) -> bool:
        """Whether amounts of a currency can be converted."""
        return self.by_currency[currency].problem is None

    def value(self, minor: int, currency: str) -> int:
        """Returns an amount in minor units of the reporting currency, rounded down."""
        return math.floor(minor * self.factor(currency))

    def debt(self, minor: int, currency: str) -> int:
        """Returns an amount in minor units of the reporting currency, rounded up."""
        return math.ceil(minor * self.factor(currency))

    def factor(self, currency: str) -> Fraction:
        """Returns the minor units of the reporting currency for one minor unit of a currency."""
        scale = Fraction(10) ** (digits_of(self.currency) - digits_of(currency))
        return self.by_currency[currency].factor * scale


@dataclass(frozen=True)
class ReportingTotal:
    """Sums over all loans in minor units of the reporting currency; they are None if a rate that they need is not."""

    rates: ReportingRates
    exposure_minor: int | None
    market_minor: int | None
    lendable_minor: int | None
    cash_cure_minor: int | None

    @property
    def is_known(self) -> bool:
        """Whether the sums are known."""
        return self.exposure_minor is not None


def reporting_rate(currency: str, quote: FxQuote | None, oldest_day: int) -> ReportingRate:
    """Returns the conversion by a quote, which may not be older than a day."""
    if quote is None:
        return ReportingRate(currency, (), RateProblem.NO_RATE)
    problem = None
    if quote.day < oldest_day:
        problem = RateProblem.STALE_RATE
    elif quote.quarantined is not None:
        problem = RateProblem.NEWER_RATE_QUARANTINED
    return ReportingRate(currency, legs_of(quote.path), problem)


def reporting_total(totals: Sequence[Total], rates: ReportingRates) -> ReportingTotal:
    """Returns the totals of the currencies in the reporting currency.

    They are unknown if a currency that has an amount cannot be converted.
    """
    needed = [one for one in totals if one.exposure_minor or one.market_minor or one.cash_cure_minor]
    if not all(rates.is_usable(one.currency) for one in needed):
        return ReportingTotal(rates, None, None, None, None)
    return ReportingTotal(
        rates,
        sum(rates.debt(one.exposure_minor, one.currency) for one in needed),
        sum(rates.value(one.market_minor, one.currency) for one in needed),
        sum(rates.value(one.lendable_minor, one.currency) for one in needed),
        sum(rates.debt(one.cash_cure_minor, one.currency) for one in needed),
    )


def _factor(leg: FxLeg) -> Fraction:
    rate = Fraction(Decimal(repr(leg.rate)))
    return 1 / rate if leg.inverse else rate
