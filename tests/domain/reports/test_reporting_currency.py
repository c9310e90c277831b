"""Sums in a reporting currency: rates named, rounded against the borrower, unknown if a rate is."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, strategies as st

from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.prices.exchange_rates import FxLeg, path_text
from collateral_registry.domain.prices.market_data import FxQuote, Quarantined
from collateral_registry.domain.reports.distributions import distribution
from collateral_registry.domain.reports.ltv_rows import wanted_rows
from collateral_registry.domain.reports.reporting_currency import (
    RateProblem,
    ReportingRate,
    ReportingRates,
    reporting_rate,
    reporting_total,
)
from collateral_registry.domain.reports.totals import Dimension, totals
from tests.support.snapshots import PlainLoan, books, snapshot_of
from valuation.portfolio.concentration import herfindahl

EUR = ReportingRate("EUR", (FxLeg("EUR", "USD", inverse=False, rate=1.0059, day=19_000),))
JPY = ReportingRate("JPY", (FxLeg("USD", "JPY", inverse=True, rate=138.7, day=18_999),))
RATES = ReportingRates("USD", {"EUR": EUR, "JPY": JPY, "USD": ReportingRate("USD")})


def total_of(book, rates=RATES):
    return reporting_total(totals(book, wanted_rows(book, EVERYTHING)), rates)


def quote_of(rate, day, quarantined=None):
    path = path_text([FxLeg("EUR", "USD", inverse=False, rate=rate, day=day)])
    return FxQuote(rate, day, path, 0, (), quarantined=quarantined)


def test_debts_are_rounded_up_and_values_down_once_for_each_currency():
    claim = ("copper", "W", "c", "", 333)
    loan = PlainLoan("EUR", exposure=101, claims=[claim])
    found = total_of(snapshot_of([loan, loan]))

    assert found.exposure_minor == math.ceil(202 * Fraction(10_059, 10_000))
    assert found.lendable_minor == math.floor(666 * Fraction(10_059, 10_000))


def test_an_amount_without_decimals_is_scaled_to_cents():
    found = total_of(snapshot_of([PlainLoan("JPY", exposure=1387)]))

    assert found.exposure_minor == 1000


def test_a_missing_an_old_and_a_doubted_rate_make_the_total_unknown_with_the_reason():
    assert reporting_rate("EUR", None, 0).problem is RateProblem.NO_RATE
    assert reporting_rate("EUR", quote_of(1.1, 9), 10).problem is RateProblem.STALE_RATE
    doubted = reporting_rate("EUR", quote_of(1.1, 10, Quarantined(0.5, 1.0)), 10)
    assert doubted.problem is RateProblem.NEWER_RATE_QUARANTINED
    assert reporting_rate("EUR", quote_of(1.1, 10), 10).problem is None
    book = snapshot_of([PlainLoan("EUR", exposure=1), PlainLoan("USD", exposure=1)])
    found = total_of(book, ReportingRates("USD", {**RATES.by_currency, "EUR": doubted}))
    assert not found.is_known
    assert found.exposure_minor is found.lendable_minor is None


def test_a_currency_without_an_amount_needs_no_rate():
    rates = ReportingRates("USD", {**RATES.by_currency, "EUR": reporting_rate("EUR", None, 0)})
    found = total_of(snapshot_of([PlainLoan("EUR"), PlainLoan("USD", exposure=5)]), rates)

    assert found.exposure_minor == 5


@given(books, st.sampled_from(Dimension), st.integers(1, 3))
def test_the_rows_of_each_distribution_add_up_to_the_total_of_the_book(book, dimension, limit):
    found = distribution(book, wanted_rows(book, EVERYTHING), dimension, RATES, limit)
    whole = total_of(book)
    is_debt = dimension in {Dimension.BORROWER, Dimension.CURRENCY}

    assert sum(row.amount_minor for row in found.rows) == found.total_minor
    assert found.total_minor == (whole.exposure_minor if is_debt else whole.lendable_minor)
    assert sum(1 for row in found.rows if row.key) <= limit
    assert sum(bool(row.key or not row.others) + row.others for row in found.rows) == found.keys
    assert all(0 <= row.unknown <= row.loans for row in found.rows)


@given(books)
def test_the_index_is_that_of_all_keys_whatever_is_listed(book):
    rows = wanted_rows(book, EVERYTHING)
    few, all_keys = (distribution(book, rows, Dimension.BORROWER, RATES, limit) for limit in (1, 100))

    assert few.herfindahl == all_keys.herfindahl
    if all_keys.total_minor is not None and all_keys.total_minor > 10**6:
        shares = [row.share for row in all_keys.rows]
        assert few.herfindahl is not None
        assert math.isclose(few.herfindahl, herfindahl(np.array(shares)), rel_tol=1e-4)


def test_a_distribution_that_needs_a_missing_rate_has_no_rows():
    rates = ReportingRates("USD", {"EUR": reporting_rate("EUR", None, 0), "USD": ReportingRate("USD")})
    book = snapshot_of([PlainLoan("EUR", exposure=1), PlainLoan("USD", exposure=1)])
    found = distribution(book, wanted_rows(book, EVERYTHING), Dimension.BORROWER, rates, 10)

    assert (found.rows, found.total_minor, found.herfindahl) == ((), None, None)
