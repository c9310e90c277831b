"""Backtests haircuts for the series of a file; writes test results and model comparisons as CSV, and draws charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, EXIT_USAGE, print_error, print_line
from collateral_registry.cli.common.result_files import file_stem, report_written, write_rows
from collateral_registry.cli.prices.haircut import model_named
from collateral_registry.cli.prices.price_file import History, read_histories
from collateral_registry.cli.prices.workers import Failed, each_series
from valuation.extras import is_installed
from valuation.haircuts.backtesting.model_evidence import ModelEvidence, model_evidence, window_losses
from valuation.haircuts.backtesting.track_record import (
    NOT_ENOUGH_HISTORY,
    BacktestVerdict,
    TrackRecord,
    pooled_verdict,
    track_record,
    verdict,
)
from valuation.haircuts.models.price_haircut import MODELS, HaircutModel
from valuation.notebook.price_input import PriceColumns

POOLED = "(pooled)"
"""The name in the series column of the row for all series."""

TESTABLE_MODELS = tuple(name for name, model in MODELS.items() if model is not HaircutModel.ARITHMETIC)
"""Values of ``--model`` and ``--compare``. Outcomes are log returns, so the arithmetic model is excluded."""

WINDOW_COLUMNS = ("series", "horizon_days", "origin", "end", "haircut", "expected_shortfall", "loss", "exceeded")


@dataclass(frozen=True)
class BacktestRequest:
    """The horizons in business days, the confidence, and the models; the first is tested, the others are compared."""

    horizons: tuple[int, ...]
    confidence: float
    models: tuple[HaircutModel, ...]


def backtest_request(horizon_days: str, confidence: float, model: str, compare: str) -> BacktestRequest:
    """Builds the request from the options; raises ValueError naming an invalid option."""
    parts = [part.strip() for part in horizon_days.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--horizon-days: got {horizon_days!r}, want whole days such as 10,20,60")
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"--confidence: got {confidence}, want more than 0.5 and less than 1")
    others = [part.strip() for part in compare.split(",") if part.strip()]
    compared = [model_named("--compare", name, TESTABLE_MODELS) for name in others]
    models = dict.fromkeys([model_named("--model", model, TESTABLE_MODELS), *compared])
    return BacktestRequest(tuple(int(part) for part in parts), confidence, tuple(models))


Records = dict[int, dict[str, TrackRecord]]
"""Track records of one series by horizon and model; the first model is the tested one."""


def run_backtest(source: Path, folder: Path, columns: PriceColumns, request: BacktestRequest, workers: int) -> int:
    """Writes tests.csv, models.csv, windows.csv and the charts, and returns the exit code.

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
    records: dict[str, Records] = {}
    for name, found in each_series(partial(_backtest, folder=folder, request=request), histories, workers, "Backtests"):
        if isinstance(found, Failed):
            print_error(f"{name}: {found.reason}")
        else:
            records[name] = found
    tested = {(name, days): _first(one[days]) for name, one in records.items() for days in request.horizons}
    _write_tests(folder / "tests.csv", tested, request)
    _write_models(folder / "models.csv", list(records.values()), request)
    _write_windows(folder / "windows.csv", tested)
    report_written(folder, ("tests.csv", "models.csv", "windows.csv"), len(tested))
    file.report()
    return EXIT_SOME_REFUSED if len(records) < len(histories) or file.refused else 0


def _backtest(name: str, history: History, folder: Path, request: BacktestRequest) -> Records:
    """Returns the track records of a series and writes one chart per horizon."""
    dates, prices = history.reliable()

    def record(horizon: int, model: HaircutModel) -> TrackRecord:
        return track_record(dates, prices, horizon_days=horizon, confidence=request.confidence, model=model)

    found = {days: {model.value: record(days, model) for model in request.models} for days in request.horizons}
    if not is_installed("plots"):
        return found
    from collateral_registry.cli.prices.backtest_picture import draw_record

    for days, records in found.items():
        title = f"{name}, {days} days"
        draw_record(folder / f"{file_stem(name)}-{days}d.svg", title, dates, prices, _first(records))
    return found


def _first(records: dict[str, TrackRecord]) -> TrackRecord:
    return next(iter(records.values()))


def _write_tests(path: Path, records: dict[tuple[str, int], TrackRecord], request: BacktestRequest) -> None:
    names = [field.name for field in fields(BacktestVerdict)]
    rows = [(series, horizon, verdict(record, request.confidence)) for (series, horizon), record in records.items()]
    for horizon in request.horizons:
        together = [record for (_, days), record in records.items() if days == horizon]
        if together:
            rows.append((POOLED, horizon, pooled_verdict(together, request.confidence)))
    for series, horizon, found in rows:
        if found.verdict == NOT_ENOUGH_HISTORY:
            windows = f"got {found.windows} windows, want at least {found.windows_needed}"
            print_line(f"{series}, {horizon} days: {NOT_ENOUGH_HISTORY}: {windows}")
    write_rows(path, ("series", "horizon_days", *names), [(*row[:2], *astuple(row[2])) for row in rows])


def _write_models(path: Path, records: Sequence[Records], request: BacktestRequest) -> None:
    """Writes a comparison of all models over all series; every model is tested on the same windows."""
    rows = []
    for horizon in request.horizons if records else ():
        tables = [window_losses(one[horizon], 1.0 - request.confidence) for one in records]
        rows += [(horizon, *astuple(found)) for found in model_evidence(tables, horizon)]
    names = [field.name for field in fields(ModelEvidence)]
    write_rows(path, ("horizon_days", *names), [[int(x) if isinstance(x, bool) else x for x in row] for row in rows])


def _write_windows(path: Path, records: dict[tuple[str, int], TrackRecord]) -> None:
    rows = []
    for (name, horizon), record in records.items():
        losses = [-np.expm1(column) for column in (record.quantile, record.shortfall, record.log_return)]
        exceeded = (record.log_return < record.quantile).astype(int).tolist()
        numbers = zip(record.origins, record.ends, *losses, exceeded, strict=True)
        rows += [(name, horizon, *row) for row in numbers]
    write_rows(path, WINDOW_COLUMNS, rows)
