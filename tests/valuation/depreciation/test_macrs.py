"""The MACRS table matches the published one and gives the book values."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.depreciation.macrs import macrs_half_year, macrs_percentages, recovery_period
from valuation.depreciation.schedules import declining_balance_switch
from valuation.errors import InvalidInput

PRINTED = {
    3: (33.33, 44.45, 14.81, 7.41),
    5: (20.00, 32.00, 19.20, 11.52, 11.52, 5.76),
    7: (14.29, 24.49, 17.49, 12.49, 8.93, 8.92, 8.93, 4.46),
    10: (10.00, 18.00, 14.40, 11.52, 9.22, 7.37, 6.55, 6.55, 6.56, 6.55, 3.28),
    15: (5.00, 9.50, 8.55, 7.70, 6.93, 6.23, 5.90, 5.90, 5.91, 5.90, 5.91, 5.90, 5.91, 5.90, 5.91, 2.95),
}


@pytest.mark.parametrize("years", sorted(PRINTED))
def test_the_table_has_the_published_digits(years: int) -> None:
    assert macrs_percentages()[years] == PRINTED[years]


def test_the_twenty_year_column_begins_and_ends_as_published() -> None:
    column = macrs_percentages()[20]
    assert column[:9] == (3.750, 7.219, 6.677, 6.177, 5.713, 5.285, 4.888, 4.522, 4.462)
    assert column[-1] == 2.231


@pytest.mark.parametrize("years", [3, 5, 7, 10, 15, 20])
def test_every_column_sums_to_a_hundred(years: int) -> None:
    assert sum(macrs_percentages()[years]) == pytest.approx(100.0, abs=1e-9)


@pytest.mark.parametrize(("years", "factor"), [(3, 2.0), (5, 2.0), (7, 2.0), (10, 2.0), (15, 1.5), (20, 1.5)])
def test_the_table_matches_declining_balance_with_a_half_year(years: int, factor: float) -> None:
    """Recomputes the table: half a year of declining balance, then the switch; the tolerance is 0.011 points."""
    first = factor / years / 2.0
    left, rates = 1.0 - first, [first]
    for year in range(1, years + 1):
        remaining = years - year + 0.5
        rates.append(left if remaining <= 0.5 else max(left * factor / years, left / remaining))
        left -= rates[-1]
    assert macrs_percentages()[years] == pytest.approx([100 * rate for rate in rates], abs=0.011)


def test_the_half_year_convention_charges_less_in_the_first_year() -> None:
    assert float(macrs_half_year(1.0, 5, 1)) > float(declining_balance_switch(1.0, 0.0, 5, 1))


def test_book_value_is_interpolated_between_tax_years() -> None:
    assert macrs_half_year(1000.0, 5, [0, 1, 1.5, 2, 6, 9]) == pytest.approx([1000, 800, 640, 480, 0, 0], abs=1e-9)


def test_the_recovery_period_is_the_longest_that_does_not_exceed_the_life() -> None:
    lives = [1.0, 3.0, 4.9, 5.0, 7.0, 8.0, 10.0, 14.0, 16.0, 20.0, 33.0, np.nan]
    assert recovery_period(lives)[:-1].tolist() == [3, 3, 3, 5, 7, 7, 10, 10, 15, 20, 20]
    assert np.isnan(recovery_period(lives)[-1])


def test_an_unknown_age_or_period_gives_an_unknown_book_value() -> None:
    assert np.isnan(macrs_half_year(1.0, [5, np.nan], [np.nan, 1.0])).all()


def test_a_recovery_period_outside_the_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"recovery_years\[1\]: got 6.0, want one of 3, 5, 7, 10, 15, 20"):
        macrs_half_year(1.0, [5, 6], 1.0)
    with pytest.raises(InvalidInput, match=r"age: got -1.0, want 0 or more"):
        macrs_half_year(1.0, 5, -1.0)
