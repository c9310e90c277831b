"""`make bench-monthly`: exceedance of the haircut of monthly series after quiet, usual and wild months.

DATA is a folder of public series: worldbank_monthly.csv.gz (monthly averages) and spot_17_eom.csv (last day of trade).
A quote is dated on the last calendar day of its month, also on weekends. A window begins at every month with ten years
of earlier moves. Prints a JSON line for each set, horizon and third, and two for all windows of a horizon.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.haircuts.conditional import KNOWN_MONTHS, MOVES, cells_of, thirds
from valuation._typing import Float, Int
from valuation.haircuts.models.pooled import pooled_scale
from valuation.prices.cleaning import clean
from valuation.statistics.coverage_tests import pinball

MONTHS = (1, 3, 6)
DAYS = np.array([22, 65, 130])
"""Horizons in months and the business days that they have on average, rounded up."""

TAIL = 0.01

Series = dict[str, list[tuple[str, float]]]


@dataclass(frozen=True)
class Windows:
    """Windows [n] of many series.

    Contains the month on which each begins (since 1970), the third of the newest move, log quantiles and realised log
    returns [n, H]; NaN without an estimate or an outcome.
    """

    months: Int
    thirds: Int
    quantiles: Float
    realised: Float


def main() -> None:
    """Prints the tables of each set of series in the folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else None
    if folder is None:
        sys.exit("DATA: want a folder with worldbank_monthly.csv.gz or spot_17_eom.csv")
    for name, series in _sets(folder):
        for row in table(windows_of(series)):
            print(json.dumps({"set": name, "series": len(series), **row}), flush=True)


def table(windows: Windows) -> Iterator[dict[str, object]]:
    """Yields a row for each horizon, over all windows, and then one for each horizon and third.

    Holm's correction is over the horizons in the first rows, and over all cells in the others.
    """
    everything = [np.ones(len(windows.months), dtype=np.bool_)]
    by_third = [windows.thirds == third for third in range(len(MOVES))]
    for names, masks in ((("all",), everything), (MOVES, by_third)):
        known = np.isfinite(windows.quantiles) & np.isfinite(windows.realised)
        exceeded = (windows.realised < windows.quantiles) & known
        count = len(windows.months)
        cells = [_at(column, mask & known[:, column], count) for column in range(len(MONTHS)) for mask in masks]
        found = cells_of(np.tile(windows.months, len(MONTHS)), exceeded.T.ravel(), cells, TAIL)
        for number, cell in enumerate(found):
            column, third = divmod(number, len(masks))
            chosen = masks[third] & known[:, column]
            realised, quantiles = windows.realised[chosen, column], windows.quantiles[chosen, column]
            yield {
                "months": MONTHS[column],
                "after": names[third],
                "windows": cell.windows,
                "exceeded": cell.exceeded,
                "exceeded_pct": round(100.0 * cell.exceeded / cell.windows, 3),
                "p": round(cell.p_value, 4),
                "holm_p": round(cell.holm, 4),
                "pinball_1e4": round(1e4 * float(pinball(realised, quantiles, TAIL).mean()), 3),
                "haircut_pct": round(100.0 * float(-np.expm1(quantiles).mean()), 2),
            }


def _at(column: int, mask: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Returns a mask [n] of one horizon as a mask over the windows of all horizons, one after the other."""
    cell = np.zeros(count * len(MONTHS), dtype=np.bool_)
    cell[column * count : (column + 1) * count] = mask
    return cell


def windows_of(series: Series) -> Windows:
    """Returns the windows of all series; each estimate uses only quotes up to its month."""
    parts = [_windows(quotes) for quotes in series.values() if len(quotes) > KNOWN_MONTHS + 2]
    return Windows(
        np.concatenate([part.months for part in parts]),
        np.concatenate([part.thirds for part in parts]),
        np.concatenate([part.quantiles for part in parts]),
        np.concatenate([part.realised for part in parts]),
    )


def _windows(quotes: list[tuple[str, float]]) -> Windows:
    months = np.array([month for month, _ in quotes], dtype="datetime64[M]")
    prices = np.array([price for _, price in quotes])
    dates = (months + 1).astype("datetime64[D]") - 1
    logs = np.log(prices)
    rows = np.arange(KNOWN_MONTHS + 1, len(prices) - 1)
    ends = np.searchsorted(months, months[rows, None] + np.array(MONTHS))
    known = (ends < len(months)) & (months[np.minimum(ends, len(months) - 1)] == months[rows, None] + np.array(MONTHS))
    realised = np.where(known, logs[np.minimum(ends, len(months) - 1)] - logs[rows, None], np.nan)
    quantiles = np.stack([_quantiles(dates[: row + 1], prices[: row + 1]) for row in rows])
    return Windows(months[rows].astype(np.int64), thirds(np.diff(logs))[rows - 1], quantiles, realised)


def _quantiles(dates: NDArray[np.datetime64], prices: Float) -> Float:
    """Returns the log quantiles [H] of the haircut of raw quotes."""
    known = clean(dates, prices)
    curve = pooled_scale(known.dates, known.prices, max_horizon_days=int(DAYS[-1]), confidence=1.0 - TAIL)
    return np.asarray(np.log1p(-curve.loss[DAYS - 1]), dtype=np.float64)


def _sets(folder: Path) -> Iterator[tuple[str, Series]]:
    """Yields the name and the series of each set that the folder contains."""
    average, spot = folder / "worldbank_monthly.csv.gz", folder / "spot_17_eom.csv"
    if average.exists():
        with gzip.open(average, "rt", encoding="utf-8") as file:
            yield "worldbank_monthly", _series(csv.DictReader(file), "series_id", "month", "price")
    if spot.exists():
        with spot.open(encoding="utf-8") as file:
            yield "spot_17_eom", _series(csv.DictReader(file), "commodity", "eom_date", "eom")


def _series(rows: csv.DictReader[str], name: str, day: str, price: str) -> Series:
    found: Series = {}
    for row in rows:
        if row[price]:
            found.setdefault(row[name], []).append((row[day][:7], float(row[price])))
    return {series: sorted(quotes) for series, quotes in found.items()}


if __name__ == "__main__":
    main()
