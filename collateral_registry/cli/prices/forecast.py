"""Forecasts the series of a file; writes quantiles and the model selection as CSV, and draws one chart per series."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, EXIT_USAGE, print_error
from collateral_registry.cli.common.result_files import file_stem, report_written, write_rows
from collateral_registry.cli.prices.price_file import History, read_histories
from collateral_registry.cli.prices.workers import Failed, each_series
from valuation.extras import is_installed
from valuation.forecast.value import QUANTILES, ValueForecast, forecast
from valuation.notebook.price_input import PriceColumns

FORECAST_COLUMNS = (
    "series", "date", "horizon_days", "target_date", "model", *(f"p{100 * level:02.0f}" for level in QUANTILES),
    "lendable",
)  # fmt: skip

SELECTION_COLUMNS = (
    "series", "model", "chosen", "origins", "mean_absolute_log_error", "dm_statistic", "better_than_random_walk_p",
    "failed_fits",
)  # fmt: skip


def run_forecast(source: Path, folder: Path, columns: PriceColumns, horizon_days: int, workers: int) -> int:
    """Writes forecast.csv, selection.csv and the charts, and returns the exit code.

    Refused rows and series that fail are reported and do not stop the others. Without the extra ``plots`` no charts are
    drawn, which is reported.
    """
    try:
        file = read_histories(source, columns)
    except (ValueError, OSError) as error:
        print_error(str(error))
        return EXIT_USAGE
    histories = file.histories
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, ValueForecast] = {}
    for name, one in each_series(partial(_forecast, horizon_days=horizon_days), histories, workers, "Forecasts"):
        if isinstance(one, Failed):
            print_error(f"{name}: {one.reason}")
        else:
            found[name] = one
    write_rows(folder / "forecast.csv", FORECAST_COLUMNS, [row for item in found.items() for row in _fan(*item)])
    write_rows(folder / "selection.csv", SELECTION_COLUMNS, [row for item in found.items() for row in _trials(*item)])
    for name in (name for name, made in found.items() if not made.fan.shape[1]):
        print_error(f"{name}: no forecast; the series is too short or constant")
    _draw(folder, found)
    charts = sum(made.fan.shape[1] > 0 for made in found.values())
    report_written(folder, ("forecast.csv", "selection.csv"), charts)
    file.report()
    return EXIT_SOME_REFUSED if len(found) < len(histories) or file.refused else 0


def _draw(folder: Path, found: dict[str, ValueForecast]) -> None:
    """Draws a chart of each series that has a forecast, if the extra ``plots`` is installed."""
    if not is_installed("plots"):
        return
    from collateral_registry.cli.prices.forecast_picture import draw_forecast

    for name, made in found.items():
        if made.fan.shape[1]:
            draw_forecast(folder / f"{file_stem(name)}.svg", name, made)


def _forecast(_name: str, history: History, horizon_days: int) -> ValueForecast:
    dates, prices = history.reliable()
    return forecast(prices, dates, horizon_days)


def _fan(name: str, found: ValueForecast) -> Iterator[tuple[object, ...]]:
    for row, (horizon, target) in enumerate(zip(found.horizon_days.tolist(), found.dates_ahead, strict=True)):
        start = (name, found.date, horizon, target, found.selection.model)
        yield (*start, *found.fan[:, row].tolist(), float(found.lendable[row]))


def _trials(name: str, found: ValueForecast) -> Iterator[tuple[object, ...]]:
    for one in found.selection.trials:
        test = (one.comparison.statistic, one.comparison.p_value) if one.comparison else (None, None)
        chosen = int(one.model == found.selection.model)
        yield (name, one.model, chosen, one.origins, one.error, *test, one.failures)
