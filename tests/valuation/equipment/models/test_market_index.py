"""Market index: fitted level, forecast after the last sale, and its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from valuation.equipment.models.market_index import SLOPE_LIMIT_A_YEAR, market_index


def rising(rate: float, years: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Returns times and log prices that rise steadily from 2004."""
    time = np.linspace(2004.0, 2004.0 + years, 2_000)
    return time, rate * (time - 2004.0)


def test_a_steady_rise_is_fitted_without_lag_at_its_end() -> None:
    time, level = rising(0.05)
    index = market_index(time, level - level.mean())
    ends = index.at(np.array([2004.0, 2008.0]))
    assert ends[1] - ends[0] == pytest.approx(0.2, abs=0.02)


def test_a_trend_continues_after_the_last_sale_and_decays() -> None:
    time, level = rising(0.05)
    index = market_index(time, level - level.mean())
    ahead = index.at(np.array([2008.0, 2009.0, 2010.0, 2030.0]))
    steps = np.diff(ahead)
    assert 0.02 < steps[0] < 0.05
    assert 0.0 < steps[1] < steps[0]
    assert ahead[-1] - ahead[0] < 1.5 * SLOPE_LIMIT_A_YEAR


def test_a_short_history_has_no_trend() -> None:
    time, level = rising(0.5, years=0.5)
    index = market_index(time, level - level.mean())
    assert index.at(np.array([2010.0]))[0] == index.at(np.array([2004.5]))[0]


def test_the_error_grows_with_the_square_root_of_time_for_a_year_and_then_linearly() -> None:
    time, level = rising(0.05)
    error = market_index(time, level - level.mean()).error(np.array([2006.0, 2008.25, 2009.0, 2010.0, 2011.0]))
    assert error[0] == 0.0
    assert (error[1:] / error[2]).tolist() == pytest.approx([0.5, 1.0, 2.0, 3.0])


def forecasts(time: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Returns the forecast change of the level one, two and five years after 2010."""
    index = market_index(time, level - level.mean())
    return index.at(np.array([2011.0, 2012.0, 2015.0])) - index.at(np.array([2010.0]))


def test_one_sale_with_a_wrong_date_hardly_changes_the_forecast() -> None:
    time, level = rising(0.03, years=6.0)
    odd = forecasts(np.append(time, 1985.0), np.append(level, 0.0))
    assert odd == pytest.approx(forecasts(time, level), abs=0.01)


def test_points_without_sales_are_marked_only_if_there_are_any() -> None:
    time, level = rising(0.03, years=6.0)
    whole = market_index(time, level)
    assert whole.sold is None
    assert replace(whole, sold=np.ones(len(whole.times), dtype=np.bool_)).at(time + 3.0).tolist() == (
        whole.at(time + 3.0).tolist()
    )
    gap = (time > 2005.1) & (time < 2006.9)
    sold = market_index(time[~gap], level[~gap]).sold
    assert sold is not None
    assert np.flatnonzero(~sold).tolist() == list(range(10, 23))
