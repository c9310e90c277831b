"""Reads price histories for backtests: a folder of public series, or the shipped sample."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

GROUPS = {
    "oil": ("wti_spot", "wti_fut", "ulsd_fut", "gasoil_fut", "gasoline_rbob_fut"),
    "gas": ("natgas_hh_fut",),
    "gold": ("gold_fut", "au"),
    "silver": ("silver_fut", "platinum_fut"),
    "soy": ("soybeans_fut", "soybean_meal_fut", "a", "m", "rm", "oi"),
    "corn": ("corn_fut", "c", "cs"),
    "wheat": ("wheat_srw_fut", "wheat_hrw_fut", "wh"),
    "base": ("copper_fut", "cu", "aluminium_lme", "al", "zinc_lme", "sn"),
    "soft": ("coffee_arabica_fut", "cocoa_fut"),
    "cattle": ("live_cattle_fut",),
    "steel": ("rb", "i", "j", "zc"),
    "chemicals": ("l", "v", "ta", "ma", "bu", "ru"),
}
"""Goods whose prices move together; parameters are never scored on a group that they were fitted to."""

FOLDS = (
    ("base", "cattle"),
    ("oil",),
    ("soy",),
    ("corn", "wheat"),
    ("gold", "silver", "gas"),
    ("soft", "steel", "chemicals"),
)

GROUP_OF = {name: group for group, names in GROUPS.items() for name in names}


@dataclass(frozen=True)
class PriceHistory:
    """Price series in date order; ``liquid`` is false for assessed or thinly traded series, scored separately."""

    name: str
    liquid: bool
    dates: NDArray[np.datetime64]
    prices: NDArray[np.float64]

    @property
    def group(self) -> str:
        """Group of goods that move together, or the name of the series if it has no group."""
        return GROUP_OF.get(self.name, self.name)


def histories(folder: Path | None) -> list[PriceHistory]:
    """Reads the daily series of a folder in the layout of the public data, or the commodities of the sample."""
    if folder is None:
        text = files("collateral_registry.sample").joinpath("prices.csv").read_text(encoding="utf-8")
        rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
        return _series(((row["series"], row["date"], row["price"]) for row in rows), set())
    world = _rows(folder / "daily_prices.csv.gz", "series_id", "price")
    china = _rows(folder / "china_futures_main_daily.csv.gz", "product", "adj_index")
    with (folder / "series_china.csv").open(encoding="utf-8") as file:
        illiquid = {row["product"] for row in csv.DictReader(file) if row["illiquid"] == "1"}
    return _series(world, {"lithium_carbonate_cn"}) + _series(china, illiquid)


def _rows(path: Path, series: str, price: str) -> Iterator[tuple[str, str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row[series], row["date"], row[price]


def _series(rows: Iterator[tuple[str, str, str]], illiquid: set[str]) -> list[PriceHistory]:
    found: dict[str, list[tuple[str, float]]] = {}
    for name, day, price in rows:
        found.setdefault(name, []).append((day, float(price)))
    made = []
    for name, quotes in found.items():
        quotes.sort()
        dates = np.array([day for day, _ in quotes], dtype="datetime64[D]")
        made.append(PriceHistory(name, name not in illiquid, dates, np.array([price for _, price in quotes])))
    return made
