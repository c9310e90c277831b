"""Group index: distance from the market by number of sales, and its decay after the last sale."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.equipment.models.group_index import FADE_YEARS, GroupIndex, group_index
from valuation.equipment.models.market_index import MarketIndex

FLAT = MarketIndex(np.array([2004.0, 2006.0, 2008.0]), np.zeros(3), 0.05)


def found(sales: int, distance: float) -> GroupIndex:
    """Returns the index of one group whose sales all have the given distance from a flat market."""
    time = np.linspace(2004.0, 2008.0, sales)
    return group_index(FLAT, time, np.full(sales, "digger", dtype=object), np.full(sales, distance))


def at(index: GroupIndex, year: float, group: str = "digger") -> float:
    return float(index.at(np.array([year]), np.array([group], dtype=object))[0])


def test_a_group_with_many_sales_keeps_its_distance_and_one_with_few_is_shrunk() -> None:
    assert at(found(4_000, 0.1), 2006.0) == pytest.approx(0.1, abs=0.01)
    assert 0.0 < at(found(40, 0.1), 2006.0) < 0.05


def test_a_group_without_sales_follows_the_market() -> None:
    assert at(found(4_000, 0.1), 2006.0, "loader") == 0.0
    assert at(found(4_000, 0.1), 2006.0, "") == 0.0


def test_the_distance_decays_after_the_last_sale() -> None:
    index = found(4_000, -0.1)
    last = at(index, 2008.0)
    assert at(index, 2008.0 + FADE_YEARS) == pytest.approx(last / np.e)
    assert last < at(index, 2009.0) < at(index, 2030.0) < 0.0


def test_a_short_history_has_no_group_distances() -> None:
    market = MarketIndex(np.array([2008.0, 2008.5, 2009.0]), np.zeros(3), 0.05)
    time = np.linspace(2008.0, 2009.0, 4_000)
    index = group_index(market, time, np.full(4_000, "digger", dtype=object), np.full(4_000, 0.1))
    assert at(index, 2008.5) == 0.0


def test_the_error_is_that_of_the_market() -> None:
    years = np.array([2006.0, 2009.0])
    assert found(40, 0.1).error(years).tolist() == FLAT.error(years).tolist()
