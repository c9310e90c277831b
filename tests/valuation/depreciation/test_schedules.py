"""Book values and charges match the examples in spreadsheet manuals and each other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st

from valuation._typing import Float
from valuation.depreciation import schedules
from valuation.depreciation.macrs import macrs_half_year
from valuation.errors import InvalidInput


def charge(book: Callable[[float], Float], start: float, end: float) -> float:
    """Returns the charge between two ages."""
    return float(book(start)) - float(book(end))


def test_straight_line_charges_the_same_each_year() -> None:
    """Spreadsheets give SLN(30000, 7500, 10) = 2250.00."""
    assert charge(lambda age: schedules.straight_line(30_000, 7_500, 10, age), 3, 4) == pytest.approx(2250.00)


@pytest.mark.parametrize(("year", "printed"), [(1, 4090.91), (10, 409.09)])
def test_sum_of_years_matches_the_published_examples(year: int, printed: float) -> None:
    """The spreadsheet formula is SYD(30000, 7500, 10, year)."""
    got = charge(lambda age: schedules.sum_of_years(30_000, 7_500, 10, age), year - 1, year)
    assert round(got, 2) == printed


@pytest.mark.parametrize(
    ("life", "period", "factor", "printed"),
    [(3650, 1, 2.0, 1.32), (120, 1, 2.0, 40.00), (10, 1, 2.0, 480.00), (10, 2, 1.5, 306.00), (10, 10, 2.0, 22.12)],
)
def test_declining_balance_matches_the_published_examples(
    life: int, period: int, factor: float, printed: float
) -> None:
    """The spreadsheet formula is DDB(2400, 300, life, period, factor) in days, months and years."""
    got = charge(lambda age: schedules.declining_balance(2_400, 300, life, age, factor), period - 1, period)
    assert round(got, 2) == printed


@pytest.mark.parametrize(
    ("life", "start", "end", "factor", "printed"),
    [(120, 6, 18, 2.0, 396.31), (120, 6, 18, 1.5, 311.81), (10, 0, 0.875, 1.5, 315.00)],
)
def test_declining_balance_with_switch_matches_whole_and_partial_periods(
    life: int, start: float, end: float, factor: float, printed: float
) -> None:
    """The spreadsheet formula is VDB(2400, 300, life, start, end, factor)."""
    got = charge(lambda age: schedules.declining_balance_switch(2_400, 300, life, age, factor), start, end)
    assert round(got, 2) == printed


def test_fixed_declining_balance_matches_a_first_year_of_seven_months() -> None:
    """The spreadsheet formula is DB(1000000, 100000, 6, year, 7): rate 0.319, five months charged in year 7."""
    book = schedules.fixed_declining_balance(1e6, 1e5, 6, np.arange(8), 7)
    printed = [186083.33, 259639.42, 176814.44, 120410.64, 81999.64, 55841.76, 15845.10]
    assert (-np.diff(book)).round(2).tolist() == printed


def test_fixed_declining_balance_is_constant_after_the_life() -> None:
    book = schedules.fixed_declining_balance(1e6, 1e5, 6, [6, 7, 20])
    assert book[0] == book[1] == book[2] == pytest.approx(1e5, rel=0.01)


def test_units_of_production_charges_by_units() -> None:
    assert float(schedules.units_of_production(100.0, 10.0, 50_000, 20_000)) == pytest.approx(64.0)


def test_geometric_rates_leave_their_powers_after_five_years() -> None:
    """The shares are 0.845^5 and 0.8548^5."""
    assert schedules.geometric(1.0, [0.155, 0.1452], 5).round(5).tolist() == [0.43081, 0.45638]


def test_only_the_switch_reaches_a_salvage_value_of_zero() -> None:
    assert float(schedules.declining_balance_switch(100, 0, 10, 10)) == pytest.approx(0.0, abs=1e-12)
    assert float(schedules.declining_balance(100, 0, 10, 10)) == pytest.approx(100 * 0.8**10)


def test_the_switch_matches_a_year_by_year_computation() -> None:
    """Each year charges the larger of the two methods."""
    book, printed = 100.0, [100.0]
    for year in range(7):
        book -= max(book * 2 / 7, (book - 4.0) / (7 - year))
        printed.append(book)
    assert schedules.declining_balance_switch(100, 4, 7, np.arange(8)) == pytest.approx(printed)


def vdb(cost: float, salvage: float, life: float, start: float, end: float, factor: float) -> float:
    """Charges whole periods from ``start`` on, as VDB does; the part of a period before them is the first one."""
    book, charged = cost, 0.0
    edges = sorted({0.0, *np.arange(start % 1.0, life, 1.0).tolist(), life})
    for begin, after in pairwise(edges):
        declining, straight = book * factor / life, (book - salvage) / max(life - begin, 1.0)
        part = min(max(declining, straight), book - salvage) * (after if begin == 0.0 else 1.0)
        book -= part
        charged += part if start <= begin < end else 0.0
    return charged


@given(
    life=st.integers(2, 30),
    year=st.integers(0, 29),
    part=st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 0.9]),
    salvage=st.sampled_from([0.0, 5.0, 20.0, 60.0]),
    factor=st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0]),
)
def test_the_charges_of_fractional_years_are_those_of_vdb(
    life: int, year: int, part: float, salvage: float, factor: float
) -> None:
    start = min(year, life - 1) + part
    end = min(start + 1.0, float(life))
    got = charge(lambda age: schedules.declining_balance_switch(100.0, salvage, life, age, factor), start, end)
    assert got == pytest.approx(vdb(100.0, salvage, life, start, end, factor), abs=1e-9)


@pytest.mark.parametrize(("life", "factor"), [(3, 2.0), (5, 2.0), (7, 2.0), (10, 2.0), (15, 1.5), (20, 1.5)])
def test_half_year_charges_are_those_of_the_tax_table(life: int, factor: float) -> None:
    """IRS Publication 946, Table A-1, rounds to two decimals of a percent."""
    ages = [0.0, *np.arange(0.5, life, 1.0), float(life)]
    table = 100.0 * macrs_half_year(1.0, life, np.arange(life + 2))

    assert schedules.declining_balance_switch(100.0, 0.0, life, ages, factor) == pytest.approx(table, abs=0.03)


def test_a_fractional_life_reaches_salvage_value_at_its_end() -> None:
    for schedule in (schedules.straight_line, schedules.sum_of_years, schedules.declining_balance_switch):
        assert schedule(100, 10, 7.5, [7.5, 30.0]) == pytest.approx([10, 10])


CURVES = (
    schedules.straight_line,
    schedules.sum_of_years,
    schedules.declining_balance,
    schedules.declining_balance_switch,
    schedules.units_of_production,
)

lives = st.floats(0.5, 40.0)
ages = st.floats(0.0, 100.0)
shares = st.floats(0.0, 1.0)


@given(salvage=shares, life=lives, ages=st.lists(ages, min_size=2, max_size=2))
@pytest.mark.parametrize("schedule", CURVES)
def test_book_value_never_rises_and_stays_between_cost_and_salvage(
    schedule: Callable[..., np.ndarray], salvage: float, life: float, ages: list[float]
) -> None:
    younger, older = schedule(1.0, salvage, life, sorted(ages))
    assert 1.0 + 1e-12 >= younger >= older - 1e-12
    assert older >= salvage - 1e-12


@given(life=st.integers(1, 40), year=st.integers(0, 39), part=st.floats(0.0, 1.0))
@pytest.mark.parametrize("schedule", [one for one in CURVES if one is not schedules.declining_balance_switch])
def test_the_book_value_is_linear_between_whole_years(
    schedule: Callable[..., np.ndarray], life: int, year: int, part: float
) -> None:
    start, between, end = schedule(1.0, 0.1, life, [year, year + part, year + 1])
    assert between == pytest.approx(start + part * (end - start), abs=1e-9)


def test_unknown_inputs_give_unknown_book_values() -> None:
    for schedule in CURVES:
        assert np.isnan(schedule(1.0, 0.1, 10.0, [np.nan])).all()
        assert np.isnan(schedule(1.0, 0.1, [np.nan], 3.0)).all()
        assert np.isnan(schedule(1.0, [np.nan], 10.0, 3.0)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100.0, 120.0, 10.0, 1.0), "salvage: got 120.0, want 0 to the cost"),
        ((100.0, [10.0, -1.0], 10.0, 1.0), r"salvage\[1\]: got -1.0, want 0 to the cost"),
        ((100.0, 10.0, 0.0, 1.0), "life: got 0.0, want more than 0"),
        ((100.0, 10.0, 10.0, [1.0, 2.0, -3.0]), r"age\[2\]: got -3.0, want 0 or more, finite"),
        ((100.0, 10.0, 10.0, np.inf), "age: got inf, want 0 or more, finite"),
    ],
)
def test_an_error_names_the_argument_and_row(arguments: tuple[float, ...], message: str) -> None:
    for schedule in CURVES:
        with pytest.raises(InvalidInput, match=message):
            schedule(*arguments)


def test_geometric_refuses_a_rate_or_age_out_of_range() -> None:
    with pytest.raises(InvalidInput, match=r"annual_rate: got 15.5, want 0 to 1"):
        schedules.geometric(1.0, 15.5, 3.0)
    with pytest.raises(InvalidInput, match=r"age: got -1.0"):
        schedules.geometric(1.0, 0.155, -1.0)


def test_fixed_declining_balance_refuses_fractional_years_and_thirteen_months() -> None:
    with pytest.raises(InvalidInput, match=r"periods: got 1.5, want whole years"):
        schedules.fixed_declining_balance(100, 10, 6, 1.5)
    with pytest.raises(InvalidInput, match=r"first_year_months: got 13.0, want 1 to 12"):
        schedules.fixed_declining_balance(100, 10, 6, 1, 13)


def test_a_cost_of_zero_has_a_book_value_of_zero() -> None:
    assert float(schedules.fixed_declining_balance(0, 0, 6, 3)) == 0.0
