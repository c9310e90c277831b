"""`make bench-haircuts`: coverage, pinball and time beside other programs, as JSON lines and a table.

With DATA a folder of public series is used, else the commodities of the sample, which are few: it says so.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.haircuts.fit import HORIZONS as FITTED_HORIZONS
from benchmarks.haircuts.fit import fitted, origins_of
from benchmarks.haircuts.histories import FOLDS, PriceHistory, histories
from benchmarks.haircuts.others import Others
from valuation.prices.backtest import kupiec, pinball
from valuation.prices.haircut import haircut
from valuation.prices.pooled import MODEL, VERSION, pooled_scale
from valuation.prices.running import Terms, running_means, terms

Float = NDArray[np.float64]

HORIZONS = (10, 20, 60)
TAIL = 0.01
FIRST = 500
PRODUCT = f"{MODEL}/{VERSION}"
SPEED_SERIES, SPEED_DAYS = 200, 2500
HELD_OUT = "pooled scale, group held out, without own"

Scores = dict[tuple[str, int], list[tuple[float, float]]]
"""Outcome and quantile of each window, by model and horizon."""


def main() -> None:
    """Prints a JSON line for each model and horizon, and writes the table where asked."""
    data, table = (Path(argument) if argument else None for argument in [*sys.argv[1:], "", ""][:2])
    series = histories(data)
    say(data=str(data.name if data else "sample: few series, no evidence"), series=len(series))
    others = Others()
    rows = []
    for label, chosen in (("liquid", True), ("illiquid", False)):
        part = [history for history in series if history.liquid is chosen]
        scores: Scores = {}
        for history in part:
            _score(history, scores, others if chosen else None)
        if chosen and data:
            _score_held_out(part, scores)
        rows += [_row(label, model, horizon, windows) for (model, horizon), windows in scores.items() if windows]
    for row in rows:
        say(**row)
    say(**_speed(others))
    if table and rows:
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def say(**facts: object) -> None:
    """One JSON line."""
    print(json.dumps(facts), flush=True)


def _score(history: PriceHistory, scores: Scores, others: Others | None) -> None:
    """The product, and the others where asked, at every tenth price from the 501st."""
    good = history.prices > 0.0
    dates, prices = history.dates[good], history.prices[good]
    returns = np.diff(np.log(prices))
    if others:
        others.fitted_at, others.gjr, others.garch = -(10**6), None, None
    for row in range(FIRST, len(prices), min(HORIZONS)):
        due = tuple(h for h in HORIZONS if (row - FIRST) % h == 0 and row + h < len(prices))
        for horizon in due:
            came = float(np.log(prices[row + horizon] / prices[row]))
            known = slice(0, row + 1)
            promised = haircut(prices[known], dates[known], horizon, 1.0 - TAIL).loss
            scores.setdefault((PRODUCT, horizon), []).append((came, float(np.log1p(-promised))))
        if others and due:
            for name, found in others.quantiles(returns[:row], due, TAIL, row).items():
                for horizon, quantile in zip(due, found, strict=True):
                    came = float(np.log(prices[row + horizon] / prices[row]))
                    scores.setdefault((name, horizon), []).append((came, float(quantile)))


def _score_held_out(part: list[PriceHistory], scores: Scores) -> None:
    """Numbers fitted without the goods that are judged, so that nothing is judged by what it has made."""
    for fold in FOLDS:
        numbers = fitted(origins_of([history for history in part if history.group not in fold]))
        for history in (history for history in part if history.group in fold):
            logs = np.log(history.prices[history.prices > 0.0])
            path = terms(running_means(np.diff(logs), 1), 1)
            for horizon in HORIZONS:
                rows = np.arange(FIRST, len(logs) - horizon, horizon)
                at = Terms(path.values[:, rows - 1], path.log_volatility[rows - 1])
                came = logs[rows + horizon] - logs[rows]
                pairs = zip(came.tolist(), numbers.log_quantiles(at, horizon, TAIL).tolist(), strict=True)
                scores.setdefault((HELD_OUT, horizon), []).extend(pairs)


def _row(label: str, model: str, horizon: int, windows: list[tuple[float, float]]) -> dict[str, object]:
    came, quantile = np.array(windows).T
    speaks = np.isfinite(quantile)
    came, quantile = came[speaks], quantile[speaks]
    hits = int(np.sum(came < quantile))
    return {
        "series": label,
        "model": model,
        "horizon_days": horizon,
        "windows": len(came),
        "exceeded_pct": round(100.0 * hits / len(came), 3),
        "kupiec_p": round(kupiec(hits, len(came), TAIL).p_value, 4),
        "pinball_1e4": round(1e4 * float(pinball(came, quantile, TAIL).mean()), 3),
        "haircut_pct": round(100.0 * float(-np.expm1(quantile).mean()), 2),
    }


def _speed(others: Others) -> dict[str, object]:
    """Milliseconds a series, in this run, beside one fit of the others on the same machine."""
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
        "seconds_for_10000": round(1e4 * seconds, 1),
        "horizons_fitted": FITTED_HORIZONS,
    }


if __name__ == "__main__":
    main()
