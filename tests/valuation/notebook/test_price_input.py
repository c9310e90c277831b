"""Haircuts are computed from what a notebook holds; a wrong shape or type is named with its argument."""

from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.support.price_series import DAYS, noise, walk
from valuation import backtest, forecast_price, haircut, haircut_batch, price_adjustment
from valuation.errors import InvalidInput
from valuation.haircuts.models import price_haircut
from valuation.result_table import ResultTable

PRICES, DATES = walk(noise(399)), DAYS[:400]
OTHER = walk(noise(399, seed=2))
LOSS = price_haircut.haircut(PRICES, DATES, 20).loss
OTHER_LOSS = price_haircut.haircut(OTHER, DATES, 20).loss
SERIES = pd.Series(PRICES, index=pd.DatetimeIndex(DATES), name="copper")
FRAME = pd.DataFrame({"date": DATES, "price": PRICES})
LONG = pd.DataFrame({
    "series": ["copper"] * 400 + ["zinc"] * 400,
    "date": [*DATES, *DATES],
    "price": [*PRICES, *OTHER],
})  # fmt: skip
WIDE = pd.DataFrame({"copper": PRICES, "zinc": OTHER}, index=pd.DatetimeIndex(DATES))

ONE = {
    "a pandas Series": SERIES,
    "a pandas Series with a zone": SERIES.tz_localize("Asia/Shanghai"),
    "a pandas Series with the nullable type": SERIES.astype("Float64"),
    "a pandas Series of days": pd.Series(PRICES, index=pd.PeriodIndex(SERIES.index, freq="D")),
    "a pandas frame of Arrow columns": pl.from_pandas(FRAME)
    .cast({"date": pl.Date})
    .to_pandas(use_pyarrow_extension_array=True),
    "a pandas frame with a date column": FRAME,
    "a pandas frame indexed by dates": FRAME.set_index("date"),
    "a pandas frame with one other column": SERIES.rename_axis("date").reset_index(),
    "a pandas frame in any order with a note": FRAME.iloc[::-1].assign(note="ok"),
    "a polars frame": pl.from_pandas(FRAME),
    "a polars frame with a zone": pl.from_pandas(FRAME).with_columns(
        pl.col("date").dt.replace_time_zone("Asia/Shanghai")
    ),
    "a polars frame of decimals": pl.DataFrame({"date": DATES, "price": [Decimal(str(one)) for one in PRICES]}),
    "an Arrow table": pa.Table.from_pandas(FRAME),
    "a table of results": ResultTable(pa.Table.from_pandas(FRAME)),
    "a dict of columns": {"date": DATES, "price": PRICES},
}
MANY = {
    "a dict of Series": {"copper": SERIES, "zinc": WIDE["zinc"]},
    "a dict of pairs": {"copper": (PRICES, DATES), "zinc": (OTHER, DATES)},
    "a dict of frames": {"copper": FRAME, "zinc": pl.DataFrame({"date": DATES, "price": OTHER})},
    "a long pandas frame": LONG,
    "a long polars frame": pl.from_pandas(LONG),
    "a long pandas frame indexed by series": LONG.set_index("series"),
    "a pandas Series indexed by series and date": LONG.set_index(["series", "date"])["price"],
    "a wide pandas frame": WIDE,
    "a wide polars frame": pl.from_pandas(WIDE.rename_axis("date").reset_index()),
}


@pytest.mark.parametrize("given", ONE.values(), ids=ONE)
def test_one_series_of_any_kind_has_the_haircut_of_its_prices(given):
    assert haircut(given).loss == pytest.approx(LOSS, rel=1e-12)


@pytest.mark.parametrize("given", MANY.values(), ids=MANY)
def test_many_series_of_any_kind_have_a_table_of_their_haircuts(given):
    for table in (haircut(given), haircut_batch(given)):
        assert table.to_dict()["series"] == ["copper", "zinc"]
        assert table.to_dict()["haircut"] == pytest.approx([LOSS, OTHER_LOSS])


@pytest.mark.parametrize("given", [PRICES.tolist(), tuple(PRICES), pl.Series(PRICES), pa.array(PRICES)])
@pytest.mark.parametrize("dates", [DATES, pl.Series(DATES), pa.array(DATES), [str(day) for day in DATES]])
def test_prices_with_dates_of_any_kind_have_the_same_haircut(given, dates):
    assert haircut(given, dates).loss == pytest.approx(LOSS)


def test_arrays_in_a_dict_share_the_dates():
    table = haircut_batch({"copper": PRICES, "zinc": OTHER}, dates=DATES)

    assert [table["copper"].loss, table[1].loss] == pytest.approx([LOSS, OTHER_LOSS])


def test_a_list_of_series_is_named_by_them_or_by_position():
    zinc = WIDE["zinc"]

    assert haircut_batch([SERIES, zinc]).keys() == ["copper", "zinc"]
    assert haircut_batch([SERIES, SERIES]).keys() == ["0", "1"]
    assert haircut_batch([SERIES, (OTHER, DATES)])[1].loss == pytest.approx(OTHER_LOSS)


def test_other_names_of_columns_are_stated():
    named = LONG.rename(columns={"series": "metal", "date": "day", "price": "close"})

    table = haircut(named, series_column="metal", date_column="day", price_column="close")

    assert table.keys() == ["copper", "zinc"]


def test_a_missing_price_is_left_out():
    gappy = SERIES.astype("Float64")
    gappy.iloc[7] = pd.NA

    assert haircut(gappy).to_dict()["defects"] == {"NOT_FINITE": 1}


@pytest.mark.parametrize(
    ("given", "dates", "message"),
    [
        (
            SERIES.reset_index(drop=True),
            None,
            "dates: got an index of int64 such as 0, want a Series with an index of d",
        ),
        (SERIES, DATES[::-1], "dates: got other dates than those of the index, want one of them"),
        (pd.Series([1.0], index=["3/7/2020"]), None, "dates: got an index of object such as '3/7/2020', want"),
        (pd.DataFrame([[1.0, 2.0]], columns=["cu", "cu"]), DATES[:1], "prices: got the column 'cu' more than once"),
        (
            LONG.rename(columns={"series": "metal"}),
            None,
            "series_column: got no column 'series', and dates that come more than once, want .* without 'metal'",
        ),
        (PRICES, None, "dates: got nothing, want"),
        (pl.Series(PRICES), None, "dates: got nothing, want"),
        (FRAME.drop(columns="date"), None, "prices: got the columns price, want a column 'date'"),
        (FRAME.drop(columns="price"), None, "prices: got no column of prices, want a column 'price'"),
        (FRAME.rename(columns={"price": "close"}).assign(note="x"), None, r"prices\['note'\]\[0\]: got 'x', want"),
        (pl.from_pandas(FRAME).lazy(), None, "prices: got LazyFrame, want a data frame with rows"),
        ({"copper": PRICES}, None, "dates: got nothing, want"),
        ({"copper": (PRICES, DATES[:9])}, None, r"dates: got 9 for 400 prices\['copper'\]"),
        (LONG.assign(series=["copper"] * 799 + [None]), None, r"prices\['series'\]\[799\]: got None, want the name"),
        ({"copper": 5}, None, r"prices\['copper'\]: got int, want"),
        ("prices.csv", None, "prices: got str, want a Series, a data frame"),
        (5.0, DATES, "prices: got float, want"),
        (PRICES[:, None], DATES, "prices: got 2 dimensions, want a list of numbers"),
        (PRICES, DATES[:9], "dates: got 9 for 400 prices"),
        (pd.Series(PRICES, index=[*SERIES.index[:-1], pd.NaT]), None, r"dates\[399\]: got NaT, want a date"),
    ],
)
def test_a_wrong_shape_or_type_is_named_with_its_argument(given, dates, message):
    with pytest.raises(InvalidInput, match=message):
        haircut(given, dates)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (haircut, {"horizon_days": 0}, "^horizon_days: got 0, want 1 to 2500"),
        (backtest, {"horizon_days": 0}, "^horizon_days: got 0, want 1 to 2500"),
        (backtest, {"model": "arithmetic"}, "model: got 'arithmetic', want a model of log returns"),
        (forecast_price, {"horizon_days": 2.5}, "^horizon_days: got 2.5, want 1 to 2500"),
        (forecast_price, {"seed": -1}, "seed: got -1, want a whole number of 0 or more"),
        (haircut, {"seed": "x", "model": "ewma-fhs"}, "seed: got 'x'"),
        (haircut_batch, {"confidence": 99}, "confidence: got 99"),
    ],
)
def test_a_wrong_option_is_named(function, arguments, message):
    with pytest.raises(InvalidInput, match=message):
        function(SERIES, **arguments)


@pytest.mark.parametrize("column", ["series_column", "date_column", "price_column"])
def test_a_column_that_is_stated_and_missing_is_refused(column):
    with pytest.raises(InvalidInput, match=f"^{column}: got 'metal', want one of the columns date, price"):
        haircut(FRAME, **{column: "metal"})


def test_repeated_dates_with_equal_notes_are_one_series():
    repeated = pd.concat([FRAME, FRAME.iloc[:3]]).assign(note="ok")

    assert haircut(repeated).loss == pytest.approx(LOSS)


@pytest.mark.parametrize("function", [backtest, forecast_price, price_adjustment])
def test_a_function_of_one_series_refuses_several(function):
    with pytest.raises(InvalidInput, match="prices: got 2 series, want one series"):
        function(WIDE)
