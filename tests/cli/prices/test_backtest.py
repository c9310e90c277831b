"""`collateral backtest` writes result files and charts."""

import csv
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from tests.support.price_series import DAYS, noise, walk
from valuation.statistics.shortfall_test import normal_z2_critical_value

pytestmark = pytest.mark.slow

LINES = "series,date,price\n" + "".join(
    f"{series},{day},{price}\n"
    for series, seed in (("copper", 1), ("tin/spot", 2))
    for day, price in zip(DAYS, walk(noise(700, seed=seed)), strict=False)
)


def run(tmp_path, *options):
    source, folder = tmp_path / "prices.csv", tmp_path / "out"
    source.write_text(LINES)
    return CliRunner().invoke(app, ["backtest", str(source), "--output", str(folder), *options]), folder


def test_backtest_writes_tests_windows_and_charts(tmp_path):
    done, folder = run(tmp_path, "--horizon-days", "10,20")

    assert done.exit_code == 0
    tests = list(csv.DictReader((folder / "tests.csv").open()))
    assert [(row["series"], row["horizon_days"], row["windows"]) for row in tests] == [
        ("copper", "10", "20"),
        ("copper", "20", "10"),
        ("tin/spot", "10", "20"),
        ("tin/spot", "20", "10"),
        ("(pooled)", "10", "40"),
        ("(pooled)", "20", "20"),
    ]
    assert {row["verdict"] for row in tests} == {"not enough history"}
    assert "copper, 10 days: not enough history: got 20 windows, want at least 100" in done.stdout
    windows = list(csv.DictReader((folder / "windows.csv").open()))
    assert all((float(row["loss"]) > float(row["haircut"])) == (row["exceeded"] == "1") for row in windows)
    assert (folder / "tin_spot-20d.svg").read_text().startswith("<?xml")


def test_a_backtest_without_matplotlib_writes_its_tables_and_reports_the_missing_charts(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    done, folder = run(tmp_path, "--horizon-days", "20")

    assert done.exit_code == 0
    assert {path.suffix for path in folder.iterdir()} == {".csv"}
    assert "no charts are drawn: plots needs matplotlib: install it with pip install 'collateral[plots]'" in done.stderr
    assert f"wrote tests.csv, models.csv, windows.csv to {folder}" in done.stderr


def test_the_shortfall_is_compared_with_its_critical_value(tmp_path):
    _, folder = run(tmp_path, "--horizon-days", "1", "--confidence", "0.9")

    rows = list(csv.DictReader((folder / "tests.csv").open()))
    assert float(rows[0]["shortfall_z2_critical"]) == pytest.approx(normal_z2_critical_value(200, 0.1, 0.05), rel=1e-6)
    for row in rows:
        thin = float(row["shortfall_z2"]) < float(row["shortfall_z2_critical"])
        assert row["shortfall_verdict"] == ("too thin" if thin else "not rejected")


def test_an_underestimated_shortfall_is_too_thin(tmp_path):
    source, folder = tmp_path / "prices.csv", tmp_path / "out"
    wilder = walk(noise(700) * np.where(np.arange(700) < 500, 1.0, 8.0))
    source.write_text("series,date,price\n" + "".join(f"a,{d},{p}\n" for d, p in zip(DAYS, wilder, strict=False)))
    CliRunner().invoke(app, ["backtest", str(source), "--output", str(folder), "--horizon-days", "1"])

    assert next(csv.DictReader((folder / "tests.csv").open()))["shortfall_verdict"] == "too thin"


def test_the_pooled_row_omits_tests_invalid_for_simultaneous_windows(tmp_path):
    _, folder = run(tmp_path, "--horizon-days", "10")

    *single, pooled = csv.DictReader((folder / "tests.csv").open())
    for name in ("independence_p", "coverage_p", "better_than_normal_p"):
        assert pooled[name] == ""
        assert all(row[name] for row in single)
    assert pooled["kupiec_p"]


def test_models_are_compared_on_the_same_windows(tmp_path):
    done, folder = run(tmp_path, "--horizon-days", "10", "--compare", "ewma-fhs")

    assert done.exit_code == 0
    rows = list(csv.DictReader((folder / "models.csv").open()))
    assert [row["model"] for row in rows] == ["pooled-scale/2", "tier1-ewma-fhs/1", "ewma-normal", "historical"]
    assert {(row["windows"], row["periods"]) for row in rows} == {("40", "20")}
    tests = list(csv.DictReader((folder / "tests.csv").open()))
    assert (rows[0]["pinball"], rows[0]["exceedances"]) == (tests[-1]["pinball"], tests[-1]["exceedances"])
    assert rows[2]["pinball"] == tests[-1]["pinball_normal"]
    assert any(row["in_set"] == "1" for row in rows)


def test_equal_prices_give_equal_files(tmp_path):
    _, folder = run(tmp_path, "--horizon-days", "20")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(tmp_path, "--horizon-days", "20")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--horizon-days", "10,x"),
        ("--confidence", "2"),
        ("--model", "best"),
        ("--model", "arithmetic"),
        ("--compare", "best"),
        ("--compare", "pooled,arithmetic"),
    ],
)
def test_an_invalid_option_is_named(tmp_path, option, value):
    done, _ = run(tmp_path, option, value)

    assert done.exit_code == 2
    assert f"{option}: got" in done.stderr
