"""Tests of cleaning raw quotes: every quote is in the series or listed with a defect."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.support.price_series import DAYS, noise, walk
from valuation.errors import InvalidInput
from valuation.prices.cleaning import LEFT_OUT, Defect, clean

PRICES = walk(noise(99))


def rows(found, defect):
    return found.defects.get(defect, np.array([])).tolist()


def test_a_clean_series_is_unchanged():
    found = clean(DAYS[:100], PRICES)

    assert found.defects == {}
    assert found.prices.tolist() == PRICES.tolist()
    assert found.log_returns == pytest.approx(noise(99))


@pytest.mark.parametrize(
    ("price", "defect"),
    [
        (np.nan, Defect.NOT_FINITE),
        (np.inf, Defect.NOT_FINITE),
        (0.0, Defect.NOT_POSITIVE),
        (-36.98, Defect.NOT_POSITIVE),
        (PRICES[50] * 50, Defect.SPIKE),
        (PRICES[50] / 300, Defect.SPIKE),
    ],
)
def test_an_invalid_price_is_left_out_with_its_defect(price, defect):
    prices = PRICES.copy()
    prices[50] = price

    found = clean(DAYS[:100], prices)

    assert found.defects.keys() == {defect}
    assert rows(found, defect) == [50]
    assert found.rows.tolist() == [*range(50), *range(51, 100)]


def test_two_wrong_prices_in_a_row_are_spikes_and_a_lasting_change_is_a_level_break():
    twice, lasting = PRICES.copy(), PRICES.copy()
    twice[50:52] *= 5
    lasting[50:] *= 5

    assert rows(clean(DAYS[:100], twice), Defect.SPIKE) == [50, 51]
    assert clean(DAYS[:100], lasting).defects.keys() == {Defect.LEVEL_BREAK}
    assert rows(clean(DAYS[:100], lasting), Defect.LEVEL_BREAK) == [50]


def test_quotes_out_of_order_are_sorted():
    order = [1, 0, *range(2, 100)]

    found = clean(DAYS[:100][order], PRICES[order])

    assert rows(found, Defect.OUT_OF_ORDER) == [1]
    assert found.prices.tolist() == PRICES.tolist()
    assert found.rows.tolist() == order


def test_of_equal_quotes_for_a_date_one_is_kept_and_of_different_ones_none():
    again = [*range(100), 10, 20]
    prices = PRICES[again]
    prices[-1] *= 1.01

    found = clean(DAYS[again], prices)

    assert rows(found, Defect.REPEATED_QUOTE) == [100]
    assert rows(found, Defect.CONFLICTING_QUOTES) == [20, 101]
    assert found.rows.tolist() == [row for row in range(100) if row != 20]


def test_unchanged_prices_and_gaps_stay_and_are_marked():
    prices = PRICES.copy()
    prices[11] = prices[10]
    kept = [row for row in range(100) if not 40 <= row < 45]

    found = clean(DAYS[kept], prices[kept])

    assert len(found.prices) == 95
    assert rows(found, Defect.UNCHANGED) == [11]
    assert rows(found, Defect.GAP) == [40]


def test_no_quotes_give_an_empty_series():
    found = clean(np.array([], dtype="datetime64[D]"), np.array([]))

    assert len(found.prices) == 0
    assert found.defects == {}


def test_a_missing_date_is_refused():
    with pytest.raises(InvalidInput, match="dates"):
        clean(np.array(["NaT", "2020-01-01"], dtype="datetime64[D]"), np.array([1.0, 2.0]))
    with pytest.raises(InvalidInput, match="dates: got 1 for 2 prices"):
        clean(DAYS[:1], np.array([1.0, 2.0]))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 15), st.sampled_from([100.0, 101.0, 300.0, 10_000.0, 0.0, -1.0, float("nan"), float("inf")])
        ),
        max_size=25,
    )
)
def test_every_quote_is_in_the_series_or_left_out_once_with_a_defect(quotes):
    days = DAYS[[day for day, _ in quotes]]

    found = clean(days, np.array([price for _, price in quotes], dtype=np.float64))

    left_out = [row for defect, lines in found.defects.items() if defect in LEFT_OUT for row in lines.tolist()]
    assert sorted([*left_out, *found.rows.tolist()]) == list(range(len(quotes)))
    assert (np.diff(found.dates) > np.timedelta64(0, "D")).all()
    assert (found.prices > 0).all()
