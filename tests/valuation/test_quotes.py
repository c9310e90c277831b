"""Callers may pass lists, arrays and pandas objects; a wrong shape or type raises InvalidInput with its argument."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation import haircut, haircut_batch
from valuation.errors import InvalidInput
from valuation.forecast.value import forecast
from valuation.haircuts.backtesting.track_record import track_record
from valuation.haircuts.models.joint import joint_haircut
from valuation.haircuts.models.price_haircut import haircut as price_haircut
from valuation.haircuts.models.proxy import linked_haircut
from valuation.quotes import day_column, number_column

PRICES = walk(noise(399))
DATES = DAYS[:400]
INDEX = pd.DatetimeIndex(DATES)

ENTRIES: dict[str, Callable[[Any, Any], object]] = {
    "haircut": lambda prices, dates: haircut(prices, dates, 20),
    "haircut_batch": lambda prices, dates: haircut_batch([(prices, dates)], 20),
    "joint prices": lambda prices, dates: joint_haircut(prices, dates, PRICES, DATES, 20),
    "joint rates": lambda prices, dates: joint_haircut(PRICES, DATES, prices, dates, 20),
    "linked": lambda prices, dates: linked_haircut(prices, dates, PRICES, DATES, 20),
    "linked proxy": lambda prices, dates: linked_haircut(PRICES, DATES, prices, dates, 20),
    "forecast": lambda prices, dates: forecast(prices, dates, 20),
    "track record": lambda prices, dates: track_record(dates, prices, horizon_days=20, confidence=0.99),
}


@pytest.mark.parametrize(
    "dates",
    [
        INDEX,
        INDEX.tz_localize("Asia/Shanghai"),
        INDEX.tz_localize("America/New_York"),
        pd.Series(INDEX.tz_localize("Asia/Shanghai")),
        INDEX.tz_localize("Asia/Shanghai").astype(pd.ArrowDtype(pa.timestamp("us", "Asia/Shanghai"))),
        pa.array(INDEX.tz_localize("Asia/Shanghai")),
        INDEX.astype(pd.ArrowDtype(pa.date32())),
        INDEX.to_period("D"),
        INDEX.to_period("D").to_series(),
        list(INDEX.to_period("D")),
        pd.Series(INDEX.tz_localize("Asia/Shanghai").tolist(), dtype=object),
        INDEX.tz_localize("Asia/Shanghai").tolist(),
        INDEX.date,
        DATES.astype(str),
        [f"{day}T00:00:00+08:00" for day in DATES],
        DATES.astype("datetime64[ns]"),
        list(DATES),
    ],
)
def test_a_day_is_the_one_of_its_zone(dates):
    np.testing.assert_array_equal(day_column("dates", dates), DATES)


def test_a_month_is_its_last_day():
    months = pd.period_range("2020-01", periods=2, freq="M")

    assert day_column("dates", months).astype(str).tolist() == ["2020-01-31", "2020-02-29"]


@pytest.mark.parametrize(
    "prices",
    [
        PRICES.tolist(),
        pd.Series(PRICES, index=INDEX),
        tuple(PRICES),
        [Decimal(str(price)) for price in PRICES],
        PRICES.astype(object),
    ],
)
def test_numbers_of_any_kind_are_read(prices):
    np.testing.assert_allclose(number_column("prices", prices), PRICES)


def test_a_masked_number_is_missing():
    masked = np.ma.MaskedArray([1.0, 2.0], mask=[False, True])

    np.testing.assert_array_equal(number_column("prices", masked), [1.0, np.nan])


@pytest.mark.parametrize("entry", list(ENTRIES))
@pytest.mark.parametrize(
    ("prices", "dates"),
    [
        (PRICES[:-1], DATES),
        (PRICES[:, None], DATES),
        (PRICES, DATES[:, None]),
        (5.0, DATES),
        ([[1.0], [1.0, 2.0]], DATES),
        (PRICES.astype(str), DATES),
        ([*PRICES[:-1].tolist(), "5.0"], DATES),
        (DATES, DATES),
        (PRICES > 0, DATES),
        (PRICES, np.arange(400)),
        (PRICES, PRICES),
        (PRICES, [*DATES[:-1].tolist(), None]),
        (PRICES, [*DATES[:-1].tolist(), "soon"]),
        (PRICES, [*DATES[:-1], np.datetime64("NaT")]),
        (PRICES, "2020-01-01"),
        (None, DATES),
    ],
)
def test_a_wrong_shape_or_type_is_named(entry, prices, dates):
    with pytest.raises(InvalidInput):
        ENTRIES[entry](prices, dates)


def test_the_cell_of_an_error_is_named():
    with pytest.raises(InvalidInput, match=r"prices\[1\]: got '5.0', want a number"):
        number_column("prices", [5.0, "5.0"])
    with pytest.raises(InvalidInput, match=r"prices\[1\]: got 1000"):
        number_column("prices", [5.0, 10**400])
    with pytest.raises(InvalidInput, match=r"dates\[1\]: got NaT, want a date"):
        day_column("dates", [date(2020, 1, 1), np.datetime64("NaT")])


@pytest.mark.parametrize("horizon", [0, -1, 2.5, "20", None, True, float("nan")])
@pytest.mark.parametrize("entry", [haircut, lambda *args: joint_haircut(PRICES, DATES, *args)])
def test_a_horizon_is_a_whole_number_of_days(entry, horizon):
    with pytest.raises(InvalidInput, match="horizon_days"):
        entry(PRICES, DATES, horizon)


@pytest.mark.parametrize("confidence", [0.5, 1.0, float("nan"), "0.99", None, 99])
def test_a_confidence_is_a_ratio(confidence):
    with pytest.raises(InvalidInput, match="confidence"):
        haircut(PRICES, DATES, 20, confidence)


def test_an_unknown_model_and_a_series_that_is_no_pair_are_refused():
    with pytest.raises(InvalidInput, match="model: got 'best', want auto, tier1, pooled, ewma-fhs, arithmetic, tier2"):
        haircut(PRICES, DATES, 20, model="best")
    with pytest.raises(InvalidInput, match="model: got 'pooled', want a HaircutModel"):
        price_haircut(PRICES, DATES, 20, model="pooled")
    with pytest.raises(InvalidInput, match=r"series\[0\]: got ndarray, want a pair of prices and dates"):
        haircut_batch([PRICES], 20)
    with pytest.raises(InvalidInput, match="series: got NoneType, want a Series, a data frame"):
        haircut_batch(None, 20)
