"""Quarantined exchange rates bound what a conversion may be worth, in every direction of a pair."""

import math

import numpy as np
from hypothesis import given, strategies as st

from collateral_registry.domain.prices.exchange_rates import QuotedRate, fx_paths
from collateral_registry.domain.prices.quarantine import NO_QUARANTINE, Quarantine, newer_quarantine

rates = st.floats(0.01, 100)
MAX_AGE_DAYS = 7


def quoted(rate, *held, key=1, day=10, held_day=10):
    """Returns a quoted rate with newer rates in quarantine."""
    bounds = (min(held), max(held), held_day) if held else ()
    return QuotedRate(key, rate, day, 0, *bounds)


def converted(quotes, pair):
    return fx_paths(quotes, [pair], MAX_AGE_DAYS)[pair]


@given(rates, rates)
def test_the_lower_rate_of_a_pair_is_the_higher_one_of_its_inverse(rate, held):
    found = converted({("EUR", "USD"): quoted(rate, held)}, ("USD", "EUR"))

    assert math.isclose(found.rate * found.quarantined.low, min(1 / rate, 1 / held), rel_tol=1e-12)


@given(rates, rates, rates, rates)
def test_a_cross_rate_is_bounded_by_the_rates_in_quarantine_of_both_legs(first, second, held_first, held_second):
    quotes = {("EUR", "USD"): quoted(first, held_first), ("USD", "CNY"): quoted(second, held_second, key=2)}
    found = converted(quotes, ("EUR", "CNY"))

    assert found.quarantined.low <= 1 <= found.quarantined.high
    lowest = min(first, held_first) * min(second, held_second)
    assert math.isclose(found.rate * found.quarantined.low, lowest, rel_tol=1e-12)


def test_one_leg_in_quarantine_marks_the_cross_rate():
    quotes = {("EUR", "USD"): quoted(1.1, 0.55), ("USD", "CNY"): quoted(7.0, key=2)}

    assert converted(quotes, ("EUR", "CNY")).quarantined.low == 0.5
    assert converted(quotes, ("USD", "CNY")).quarantined is None


def test_a_rate_of_the_pair_itself_counts_beside_a_cross_unless_the_cross_is_newer():
    legs = {("EUR", "CNY"): quoted(8.0, key=2, day=12), ("CNY", "USD"): quoted(0.125, key=3, day=12)}

    assert converted({("EUR", "USD"): quoted(1.0, 0.6, held_day=12), **legs}, ("EUR", "USD")).quarantined.low == 0.6
    assert converted({("EUR", "USD"): quoted(1.0, 0.6, held_day=11), **legs}, ("EUR", "USD")).quarantined is None


def test_a_rate_in_quarantine_of_the_inverse_pair_counts_like_one_of_the_pair():
    quotes = {("EUR", "USD"): quoted(1.25), ("USD", "EUR"): quoted(0.8, 1.6, key=2)}

    assert converted(quotes, ("EUR", "USD")).quarantined.low == 0.5


def test_quotes_in_quarantine_count_if_they_are_at_least_as_new_as_the_one_in_use():
    days, prices = np.array([8, 10, 11]), np.array([1.0, 6.0, 5.0])

    assert newer_quarantine(days, prices, 10) == Quarantine(5.0, 6.0, 11)
    assert newer_quarantine(days, prices, 12) == NO_QUARANTINE
