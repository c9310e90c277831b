"""Backtests of the haircuts of a file: tests per series and pooled as CSV, and a picture per series and horizon."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from rich.progress import track

from collateral_registry.cli.backtest_picture import draw_record
from collateral_registry.cli.haircut import MODELS
from collateral_registry.cli.price_file import History, PriceColumns, read_histories
from collateral_registry.cli.session import EXIT_SOME_REFUSED, EXIT_USAGE, say
from valuation.errors import InvalidInput
from valuation.prices.haircut import HaircutModel
from valuation.prices.track_record import TrackRecord, Verdict, pooled_record, track_record, verdict

POOLED = "(pooled)"
"""Name of the row over all series."""

JUDGED = {name: model for name, model in MODELS.items() if model is not HaircutModel.ARITHMETIC}
"""What ``--model`` may be: outcomes are log returns, which a price below 0 does not have."""

WINDOW_COLUMNS = ("series", "horizon_days", "origin", "end", "haircut", "expected_shortfall", "loss", "exceeded")


@dataclass(frozen=True)
class Asked:
    """Horizons in business days, confidence and model."""

    horizons: tuple[int, ...]
    confidence: float
    model: HaircutModel


def asked(horizon_days: str, confidence: float, model: str) -> Asked:
    """Checks the options; raises ValueError naming the one that is wrong."""
    parts = [part.strip() for part in horizon_days.split(",")]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"--horizon-days: got {horizon_days!r}, want whole days such as 10,20,60")
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"--confidence: got {confidence}, want more than 0.5 and less than 1")
    if model not in JUDGED:
        raise ValueError(f"--model: got {model!r}, want {', '.join(JUDGED)}")
    return Asked(tuple(int(part) for part in parts), confidence, JUDGED[model])


def run_backtest(source: Path, folder: Path, columns: PriceColumns, wanted: Asked) -> int:
    """Writes tests.csv, windows.csv and the pictures; a series that fails is named, the others go on."""
    try:
        histories = read_histories(source, columns)
    except (ValueError, OSError, csv.Error) as error:
        say(str(error))
        return EXIT_USAGE
    folder.mkdir(parents=True, exist_ok=True)
    records, failed = _records(histories, wanted)
    _write_tests(folder / "tests.csv", records, wanted)
    _write_windows(folder / "windows.csv", records)
    for (name, horizon), record in records.items():
        dates, prices = histories[name].columns()
        safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
        draw_record(folder / f"{safe}-{horizon}d.svg", f"{name}, {horizon} days", dates, prices, record)
    return EXIT_SOME_REFUSED if failed else 0


def _records(histories: dict[str, History], wanted: Asked) -> tuple[dict[tuple[str, int], TrackRecord], int]:
    records, failed = {}, 0
    for name, history in track(histories.items(), "Backtests", transient=True):
        dates, prices = history.columns()
        try:
            for horizon in wanted.horizons:
                records[name, horizon] = track_record(
                    dates, prices, horizon_days=horizon, confidence=wanted.confidence, model=wanted.model
                )
        except InvalidInput as error:
            failed += 1
            say(f"{name}: {error}")
    return records, failed


def _write_tests(path: Path, records: dict[tuple[str, int], TrackRecord], wanted: Asked) -> None:
    names = [field.name for field in fields(Verdict)]
    rows = [(series, horizon, verdict(record, wanted.confidence)) for (series, horizon), record in records.items()]
    for horizon in wanted.horizons:
        together = [record for (_, days), record in records.items() if days == horizon]
        if together:
            rows.append((POOLED, horizon, verdict(pooled_record(together), wanted.confidence)))
    shown = [(series, horizon, *map(_text, astuple(found))) for series, horizon, found in rows]
    _write(path, ("series", "horizon_days", *names), shown)


def _write_windows(path: Path, records: dict[tuple[str, int], TrackRecord]) -> None:
    rows = []
    for (name, horizon), record in records.items():
        losses = [-np.expm1(column) for column in (record.quantile, record.shortfall, record.log_return)]
        exceeded = (record.log_return < record.quantile).astype(int).tolist()
        numbers = zip(record.origins, record.ends, *losses, exceeded, strict=True)
        rows += [(name, horizon, *map(_text, row)) for row in numbers]
    _write(path, WINDOW_COLUMNS, rows)


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return str(value)
