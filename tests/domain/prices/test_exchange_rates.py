"""The newest usable path of exchange rates is used, now and on each past day."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from collateral_registry.domain.prices.exchange_rates import (
    FxLeg,
    QuotedRate,
    both_directions,
    fx_paths,
    legs_of,
    path_text,
    rates_in_use,
)

MAX_AGE = 7
CURRENCIES = ("CNY", "EUR", "GBP", "USD")
WORTH = {"CNY": 0.14, "EUR": 1.08, "GBP": 1.27, "USD": 1.0}
"""Dollars for one unit of each currency on day 0."""

DRIFT = {"CNY": 1.0004, "EUR": 0.999, "GBP": 1.001, "USD": 1.0}
NONE = (np.zeros(0, dtype=np.int64), np.zeros(0))


def quoted(*quotes):
    """Returns the newest rate of each pair, from (base, quote, day, rate)."""
    return {(base, quote): QuotedRate(n + 1, rate, day, 0) for n, (base, quote, day, rate) in enumerate(quotes)}


def conversion(quotes, pair=("EUR", "USD")):
    return fx_paths(quotes, [pair], MAX_AGE)[pair]


def series_used(found):
    return [f"{'1/' * leg.inverse}{leg.base}/{leg.quote}" for leg in legs_of(found.path)]


@pytest.mark.parametrize(
    ("quotes", "path", "rate"),
    [
        ([("EUR", "USD", 9, 1.08), ("USD", "EUR", 8, 0.92)], ["EUR/USD"], 1.08),
        ([("EUR", "USD", 8, 1.08), ("USD", "EUR", 9, 0.92)], ["1/USD/EUR"], 1 / 0.92),
        ([("EUR", "USD", 9, 1.08), ("USD", "EUR", 9, 0.92)], ["EUR/USD"], 1.08),
        ([("EUR", "USD", 1, 1.08), ("EUR", "GBP", 9, 0.85), ("GBP", "USD", 9, 1.28)], ["EUR/GBP", "GBP/USD"], 1.088),
        ([("EUR", "USD", 9, 1.08), ("EUR", "GBP", 9, 0.85), ("GBP", "USD", 9, 1.28)], ["EUR/USD"], 1.08),
        ([("USD", "EUR", 9, 0.92), ("EUR", "GBP", 9, 0.85), ("GBP", "USD", 9, 1.28)], ["1/USD/EUR"], 1 / 0.92),
        ([("USD", "EUR", 8, 0.92), ("GBP", "EUR", 9, 1.25), ("USD", "GBP", 9, 0.8)], ["1/GBP/EUR", "1/USD/GBP"], 1.0),
        ([("EUR", "USD", 8, 1.08), ("EUR", "GBP", 9, 0.85), ("GBP", "USD", 3, 1.28)], ["EUR/USD"], 1.08),
    ],
)
def test_the_newest_path_is_used_and_on_one_day_the_shortest(quotes, path, rate):
    found = conversion(quoted(*quotes))

    assert series_used(found) == path
    assert found.rate == pytest.approx(rate)
    assert found.day == min(leg.day for leg in legs_of(found.path))


def test_of_crosses_of_one_day_the_first_currency_is_used():
    legs = [(base, middle, 9, 1.0) for middle in ("GBP", "CNY") for base in ("EUR", "USD")]

    assert series_used(conversion(quoted(*legs))) == ["EUR/CNY", "1/USD/CNY"]
    assert conversion(quoted(*legs[:3])).day == 9
    assert conversion(quoted(legs[0], legs[3])) is None


def test_a_cross_that_is_a_jump_away_is_not_used_while_the_own_rate_is_near():
    cross = [("EUR", "JPY", 9, 160.0), ("USD", "JPY", 9, 1.48)]  # a rate for 100 yen by mistake

    near = conversion(quoted(("EUR", "USD", 2, 1.08), *cross))
    far = conversion(quoted(("EUR", "USD", 1, 1.08), *cross))

    assert (series_used(near), near.paths_differ) == (["EUR/USD"], True)
    assert (series_used(far), far.paths_differ) == (["EUR/JPY", "1/USD/JPY"], False)


def test_a_path_is_stored_as_text_with_every_quote():
    legs = [
        FxLeg("CNY", "USD", inverse=True, rate=0.1379, day=19_878),
        FxLeg("CNY", "EUR", inverse=False, rate=1e-05, day=1),
    ]

    assert legs_of(path_text(legs)) == legs
    assert legs_of("") == []


def test_the_history_of_a_pair_keeps_its_crosses_before_its_first_quote():
    days = np.arange(100)
    cross = [(days, np.linspace(7.0, 8.0, 100)), (days, np.full(100, 0.5))]
    own = both_directions(NONE, (np.array([99]), np.array([0.25])))

    found_days, rates = rates_in_use([[own], cross], MAX_AGE)

    assert found_days.tolist() == days.tolist()
    np.testing.assert_allclose(rates[:-1], np.linspace(3.5, 4.0, 100)[:-1])
    assert rates[-1] == 4.0


def test_a_stale_own_rate_does_not_hide_the_cross_of_a_past_day():
    days = np.arange(50)
    own = (np.array([0, 1, 40]), np.array([1.0, 1.0, 1.2]))
    cross = [(days, np.full(50, 1.1)), (days[10:], np.full(40, 1.0))]

    _, rates = rates_in_use([[own], cross], MAX_AGE)

    assert rates.tolist() == [1.0, 1.0, *[1.1] * 30, 1.2, *[1.1] * 9]


def test_a_day_with_one_leg_only_counts_while_the_other_is_within_the_maximum_age():
    daily = (np.arange(30), np.full(30, 2.0))
    stopped = (np.array([3]), np.array([0.5]))

    days, _ = rates_in_use([[NONE], [daily, stopped]], MAX_AGE)

    assert days.tolist() == list(range(3, 3 + MAX_AGE + 1))


QUOTES = st.lists(
    st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES), st.integers(0, 12)).filter(
        lambda quote: quote[0] < quote[1]
    ),
    unique=True,
    min_size=1,
    max_size=25,
)


def market(base, quote, day):
    """Returns a rate of a market without differences between paths of the same day."""
    return WORTH[base] * DRIFT[base] ** day / (WORTH[quote] * DRIFT[quote] ** day)


def stated(quotes, flips):
    """Returns the rates by series, each in the stated direction."""
    series = {}
    for (base, quote, day), flip in zip(quotes, flips, strict=True):
        pair = (quote, base) if flip else (base, quote)
        series.setdefault(pair, {})[day] = market(*pair, day)
    return series


def newest(series):
    return {
        pair: QuotedRate(n + 1, rates[max(rates)], max(rates), 0)
        for n, (pair, rates) in enumerate(sorted(series.items()))
    }


def history_of(series, found):
    keys = {n + 1: rates for n, (_, rates) in enumerate(sorted(series.items()))}
    dated = {key: (np.array(sorted(one)), np.array([one[day] for day in sorted(one)])) for key, one in keys.items()}
    paths = [[both_directions(*(dated.get(key, NONE) for key in pair)) for pair in path] for path in found.paths]
    return rates_in_use(paths, MAX_AGE)


@given(QUOTES, st.randoms(use_true_random=False), st.sampled_from([("EUR", "USD"), ("USD", "CNY"), ("GBP", "CNY")]))
def test_the_direction_and_order_of_quotes_never_change_a_rate_or_its_history(quotes, random, pair):
    one = stated(quotes, [False] * len(quotes))
    shuffled = random.sample(quotes, len(quotes))
    other = stated(shuffled, [random.random() < 0.5 for _ in shuffled])

    first, second = (conversion(newest(series), pair) for series in (one, other))

    assert (first is None) == (second is None)
    if first is not None:
        assert second.day == first.day
        assert second.rate == pytest.approx(first.rate, rel=1e-9)
        for ours, theirs in zip(history_of(one, first), history_of(other, second), strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-9)
