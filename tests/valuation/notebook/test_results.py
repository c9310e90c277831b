"""Results show themselves briefly, become plain dicts and tables, and draw themselves."""

import json
import sys
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

import valuation
from tests.support.price_series import DAYS, noise, walk
from valuation.errors import MissingExtra
from valuation.haircuts.backtesting.track_record import track_record, verdict
from valuation.result_table import ResultTable

PRICES, DATES = walk(noise(899)), DAYS[:900]
HAIRCUT = valuation.haircut(PRICES, DATES)
RESULTS = {
    "haircut": HAIRCUT,
    "no estimate": valuation.haircut(PRICES[:9], DATES[:9]),
    "no price": valuation.haircut([], []),
    "no adjustment": valuation.price_adjustment([], []),
    "a horizon of numpy": valuation.haircut(PRICES, DATES, np.int64(20)),
    "a price below 0": valuation.haircut(PRICES - PRICES[-1] - 1, DATES, model="arithmetic"),
    "backtest": valuation.backtest(PRICES, DATES),
    "short backtest": valuation.backtest(PRICES[:90], DATES[:90]),
    "adjustment": valuation.price_adjustment(PRICES, DATES),
    "no forecast": valuation.forecast_price(PRICES[:9], DATES[:9]),
    "machine": valuation.machine_value(100_000, 5, "farm_tractors"),
    "unknown machine": valuation.machine_value(None, 5, "farm_tractors"),
    "ip": valuation.ip_value(1e6, 0.05, 7, 0.15),
}
TABLE = valuation.haircut_batch({"long": (PRICES, DATES), "short": (PRICES[:9], DATES[:9])})


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_result_is_shown_briefly_and_is_a_plain_dict(result):
    assert len(repr(result)) < 450
    assert "nan" not in repr(result)
    assert "=" in repr(result)
    assert repr(result).startswith(type(result).__name__)
    assert result._repr_html_().startswith("<table>")
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_result_is_drawn(result):
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    assert result.plot(axes) is axes
    figure.canvas.draw()
    plt.close("all")


def test_a_picture_without_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(MissingExtra, match=r"plots needs matplotlib: .* 'collateral\[plots\]'"):
        HAIRCUT.plot()


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_data_frame_without_its_package_names_the_extra(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtra, match=rf"notebook needs {package}: .* 'collateral\[notebook\]'"):
        getattr(TABLE, f"to_{package}")()


def test_a_backtest_has_the_figures_of_the_model_s_track_record():
    found = RESULTS["backtest"]
    record = track_record(DATES, PRICES, horizon_days=20, confidence=0.99)

    assert found.windows == len(record.origins) > 0
    assert found.mean_haircut == verdict(record, 0.99).mean_haircut
    assert (found.verdict, found.windows_needed) == ("not enough history", 100)
    assert RESULTS["short backtest"].to_dict()["kupiec_p"] is None


def test_a_forecast_shows_its_last_step_and_keeps_all_of_them():
    found = valuation.forecast_price(PRICES, DATES, 10, model="random-walk")

    assert f"horizon_days=10, target_dates={found.dates_ahead[-1]}, p05={found.fan[0, -1]:.6g}" in repr(found)
    assert found.to_dict()["p50"] == found.fan[3].tolist()
    assert found.to_dict()["unknown_reasons"] == []
    assert RESULTS["no forecast"].to_dict()["unknown_reasons"] == ["SHORT_HISTORY"]


def test_a_table_opens_in_every_data_frame():
    rows = TABLE.to_pandas()

    assert rows["haircut"].tolist() == [HAIRCUT.loss, pytest.approx(np.nan, nan_ok=True)]
    assert rows["date"][0] == pd.Timestamp(DATES[-1])
    assert rows["flags"][1] == ["SHORT_HISTORY"]
    assert TABLE.to_polars()["haircut"].to_list() == [HAIRCUT.loss, None]
    assert pl.DataFrame(TABLE)["date"].to_list() == [date.fromisoformat(str(DATES[-1])), date(2010, 1, 14)]
    assert TABLE.to_arrow().num_rows == len(TABLE) == 2
    assert ResultTable(TABLE.to_arrow()).columns == TABLE.columns


def test_a_table_has_the_haircuts_of_its_series_by_name_and_in_order():
    assert "short" in TABLE
    assert "tin" not in TABLE
    assert [found.observations for found in TABLE.values()] == [900, 9]
    assert TABLE.keys() == ["long", "short"]
    with pytest.raises(ValueError, match="DataFrame constructor"):
        pd.DataFrame(TABLE)


def test_a_table_shows_its_size_and_names_what_is_not_shown():
    assert "2 rows, 13 columns" in repr(TABLE)
    assert "not shown: " in repr(TABLE)
    assert max(len(line) for line in repr(TABLE).splitlines()[:3]) <= 110
    assert TABLE._repr_html_().count("<tr>") == 3


def test_the_haircut_to_use_without_an_estimate_is_the_class_floor():
    assert TABLE["short"].applied == TABLE["short"].class_floor > 0.2
    assert TABLE["long"].applied == TABLE["long"].loss


def test_bars_have_the_haircuts_of_a_table():
    from matplotlib import pyplot as plt

    axes = TABLE.plot()

    drawn = [bar.get_extents().width / axes.patches[0].get_extents().width for bar in axes.patches]
    assert drawn == pytest.approx([1.0, TABLE["short"].applied / TABLE["long"].applied])
    plt.close("all")
