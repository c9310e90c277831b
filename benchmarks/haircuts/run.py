"""`make bench-haircuts`: compares coverage, pinball loss and time with other programs, as JSON lines and a table.

DATA is a folder of public series; without it, the few commodities of the sample are used. With STRIDE n, every n-th
window of each series is scored, the same for all models. The reliability diagram and its data are written next to the
table as TABLE-reliability.svg and TABLE-reliability.csv.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.haircuts.fit import HORIZONS as FITTED_HORIZONS, fitted, origins_of
from benchmarks.haircuts.forward import forward_scores
from benchmarks.haircuts.histories import FOLDS, PriceHistory, histories
from benchmarks.haircuts.others import NAMES, Others
from benchmarks.haircuts.reliability import reliability
from benchmarks.haircuts.reliability_picture import draw_reliability
from valuation._typing import Float
from valuation.haircuts.models import class_memory
from valuation.haircuts.models.class_memory import ClassMemory
from valuation.haircuts.models.pooled import MODEL, NOTHING_COMMON, VERSION, pooled_scale
from valuation.prices.cleaning import Cleaned, clean
from valuation.statistics.coverage_tests import kupiec, pinball
from valuation.statistics.running_moments import Terms, running_means, terms

HORIZONS = (10, 20, 60)
TAIL = 0.01
FIRST = 500
PRODUCT = f"{MODEL}/{VERSION}"
LEARNING = f"{PRODUCT}+{class_memory.MODEL}/{class_memory.VERSION}"
SPEED_SERIES, SPEED_DAYS = 200, 2500
HELD_OUT = "pooled scale, group held out, without own"

Scores = dict[tuple[str, int], list[tuple[float, float]]]
"""Outcomes and quantiles of windows by model and horizon."""


def main() -> None:
    """Prints a JSON line for each model and horizon, and writes the table if a path is given."""
    folder, file, each = (sys.argv[1:] + [""] * 3)[:3]
    data, stride = Path(folder) if folder else None, int(each or 1)
    series = histories(data)
    say(data=str(data.name if data else "sample: few series, no evidence"), series=len(series), stride=stride)
    others = Others()
    rows = []
    for label, chosen in (("liquid", True), ("illiquid", False)):
        part = [history for history in series if history.liquid is chosen]
        scores = _scores(part, others if chosen else None, stride)
        if chosen and data:
            _score_held_out(part, scores, stride)
            for model, horizon, realised, quantile in forward_scores(part, HORIZONS, TAIL):
                scores.setdefault((model, horizon), []).append((realised, quantile))
        rows += [_row(label, model, horizon, windows) for (model, horizon), windows in scores.items() if windows]
    for row in rows:
        say(**row)
    if file:
        _write_reliability(Path(file), [one for one in series if one.liquid], stride)
    for line in _leads(rows):
        say(**line)
    say(**_speed(others))
    print(_whole_book(), flush=True)
    if file and rows:
        _write(Path(file), rows)


def say(**facts: object) -> None:
    """Prints one JSON line."""
    print(json.dumps(facts), flush=True)


def _write(table: Path, rows: list[dict[str, object]]) -> None:
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_reliability(table: Path, part: list[PriceHistory], stride: int) -> None:
    """Writes the reliability data and diagram next to the table, unless no series is long enough for a window."""
    rows = list(reliability(part, HORIZONS, FIRST, stride))
    if rows:
        _write(table.with_name(f"{table.stem}-reliability.csv"), rows)
        draw_reliability(table.with_name(f"{table.stem}-reliability.svg"), rows)


def _scores(part: list[PriceHistory], others: Others | None, stride: int) -> Scores:
    """Scores all windows of the series and prints progress to the error output."""
    scores: Scores = {}
    memory = class_memory.class_memory((history.prices, history.dates) for history in part)
    for number, history in enumerate(part, start=1):
        begun = time.perf_counter()
        _score(history, scores, others, memory, stride)
        print(f"{number}/{len(part)} {history.name} {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    return scores


def _score(history: PriceHistory, scores: Scores, others: Others | None, memory: ClassMemory, stride: int) -> None:
    """Adds the scores of the product, and of the other models if given, at origins from the 501st price."""
    good = history.prices > 0.0
    dates, prices = history.dates[good], history.prices[good]
    logs = np.log(prices)
    returns = np.diff(logs)
    if others:
        others.fitted_at, others.gjr, others.garch = -(10**6), None, None
    for row, due in _origins(len(prices), stride):
        known = clean(dates[: row + 1], prices[: row + 1])
        found = {
            PRODUCT: _product_quantiles(known, due, NOTHING_COMMON),
            LEARNING: _product_quantiles(known, due, memory.before(dates[row])),
        }
        if others:
            found |= others.quantiles(returns[:row], due, TAIL, row)
        for name, quantiles in found.items():
            for horizon, quantile in zip(due, quantiles.tolist(), strict=True):
                scores.setdefault((name, horizon), []).append((float(logs[row + horizon] - logs[row]), quantile))


def _origins(count: int, stride: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yields the rows at which windows begin and the horizons of these windows; one horizon's do not overlap."""
    for row in range(FIRST, count, min(HORIZONS)):
        due = tuple(h for h in HORIZONS if (row - FIRST) % (stride * h) == 0 and row + h < count)
        if due:
            yield row, due


def _product_quantiles(quotes: Cleaned, due: tuple[int, ...], common: Float) -> Float:
    """Returns the log quantiles [H] of the product at each horizon of its curve."""
    curve = pooled_scale(quotes.dates, quotes.prices, max_horizon_days=max(due), confidence=1.0 - TAIL, common=common)
    return np.asarray(np.log1p(-curve.loss[np.array(due) - 1]), dtype=np.float64)


def _score_held_out(part: list[PriceHistory], scores: Scores, stride: int) -> None:
    """Adds scores of parameters that are fitted without the scored groups."""
    for fold in FOLDS:
        numbers = fitted(origins_of([history for history in part if history.group not in fold]))
        for history in (history for history in part if history.group in fold):
            logs = np.log(history.prices[history.prices > 0.0])
            path = terms(running_means(np.diff(logs), 1), 1)
            for horizon in HORIZONS:
                rows = np.arange(FIRST, len(logs) - horizon, horizon * stride)
                at = Terms(path.values[:, rows - 1], path.log_volatility[rows - 1])
                realised = logs[rows + horizon] - logs[rows]
                pairs = zip(realised.tolist(), numbers.log_quantiles(at, horizon, TAIL).tolist(), strict=True)
                scores.setdefault((HELD_OUT, horizon), []).extend(pairs)


def _row(label: str, model: str, horizon: int, windows: list[tuple[float, float]]) -> dict[str, object]:
    realised, quantile = np.array(windows).T
    known = np.isfinite(quantile)
    realised, quantile = realised[known], quantile[known]
    hits = int(np.sum(realised < quantile))
    return {
        "series": label,
        "model": model,
        "horizon_days": horizon,
        "windows": len(realised),
        "exceeded_pct": round(100.0 * hits / len(realised), 3),
        "kupiec_p": round(kupiec(hits, len(realised), TAIL).p_value, 4),
        "pinball_1e4": round(1e4 * float(pinball(realised, quantile, TAIL).mean()), 3),
        "haircut_pct": round(100.0 * float(-np.expm1(quantile).mean()), 2),
    }


def _leads(rows: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Yields the relative difference in pinball loss to the best other program, for each horizon."""
    for horizon in HORIZONS:
        at = {str(row["model"]): float(str(row["pinball_1e4"])) for row in rows if row["series"] == "liquid"
              and row["horizon_days"] == horizon}  # fmt: skip
        best = min((name for name in NAMES if name in at), key=at.__getitem__, default=None)
        for ours in (PRODUCT, LEARNING, HELD_OUT):
            if best and ours in at:
                lower = round(100.0 * (1.0 - at[ours] / at[best]), 2)
                yield {"model": ours, "horizon_days": horizon, "best_other": best, "pinball_lower_pct": lower}


def _whole_book() -> str:
    """Returns the output of benchmarks.haircuts.scale, run in a separate process to measure its own peak memory."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.haircuts.scale"], check=True, capture_output=True, text=True
    ).stdout.strip()


def _speed(others: Others) -> dict[str, object]:
    """Returns the milliseconds of a curve for one series, and those of one fit of the other programs."""
    days = np.busday_offset("2000-01-03", np.arange(SPEED_DAYS), roll="forward").astype("datetime64[D]")
    moves = np.random.default_rng(1).standard_t(5, (SPEED_SERIES, SPEED_DAYS)) * 0.01
    prices = 100.0 * np.exp(np.cumsum(moves, axis=1))
    begun = time.perf_counter()
    for row in prices:
        pooled_scale(days, row, max_horizon_days=60, confidence=1.0 - TAIL)
    seconds = (time.perf_counter() - begun) / SPEED_SERIES
    fits = [float(np.median(taken)) for taken in (others.arch_seconds, others.statsforecast_seconds) if taken]
    return {
        "what": f"a curve of 60 days from {SPEED_DAYS} prices",
        "product_ms": round(1e3 * seconds, 3),
        "arch_fit_ms": round(1e3 * fits[0], 2) if fits else None,
        "statsforecast_fit_ms": round(1e3 * fits[1], 2) if fits else None,
        "times_faster_than_the_faster": round(min(fits) / seconds, 1) if fits else None,
        "horizons_fitted": FITTED_HORIZONS,
    }


if __name__ == "__main__":
    main()
