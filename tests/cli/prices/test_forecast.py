"""`collateral forecast` on price files."""

import csv
import sys

import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.price_series import DAYS, noise, walk

pytestmark = pytest.mark.slow

LINES = "series,date,price\n" + "".join(
    f"{series},{day},{price}\n"
    for series, count in (("tin/spot", 111), ("short", 20))
    for day, price in zip(DAYS, walk(noise(count)), strict=False)
)


def run(tmp_path, text=LINES, *options):
    source, folder = tmp_path / "prices.csv", tmp_path / "out"
    source.write_text(text)
    return CliRunner().invoke(app, ["forecast", str(source), "--output", str(folder), *options]), folder


def test_forecast_writes_quantiles_model_selection_and_chart(tmp_path):
    done, folder = run(tmp_path, LINES, "--horizon-days", "10")

    assert done.exit_code == 0
    rows = list(csv.DictReader((folder / "forecast.csv").open()))
    assert [row["horizon_days"] for row in rows] == [str(day) for day in range(1, 11)]
    last = float(LINES.splitlines()[112].split(",")[2])
    assert all(float(row["p05"]) < float(row["p50"]) < float(row["p95"]) for row in rows)
    assert all(float(row["lendable"]) <= last * (1 + 1e-7) for row in rows)
    trials = list(csv.DictReader((folder / "selection.csv").open()))
    models = ["random-walk", "damped-ets", "arima", "sarimax"]
    assert [row["model"] for row in trials if row["series"] == "tin/spot"] == models
    assert sum(int(row["chosen"]) for row in trials if row["series"] == "tin/spot") == 1
    assert (folder / "tin_spot.svg").read_text().startswith("<?xml")
    assert "short: no forecast" in done.stderr


def test_a_forecast_without_matplotlib_writes_its_tables_and_reports_the_missing_charts(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    done, folder = run(tmp_path, LINES, "--horizon-days", "2")

    assert done.exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["forecast.csv", "selection.csv"]
    assert "no charts are drawn: plots needs matplotlib: install it with pip install 'collateral[plots]'" in done.stderr


def test_equal_prices_give_equal_files(tmp_path):
    _, folder = run(tmp_path, LINES, "--horizon-days", "5")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(tmp_path, LINES, "--horizon-days", "5")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(("text", "code"), [("day,price\n", 2), ("series,date,price\nx,2020-01-02,-3\n", 1)])
def test_invalid_files_and_series_are_reported(tmp_path, text, code):
    done, _ = run(tmp_path, text)

    assert done.exit_code == code
    assert "want" in done.stderr
