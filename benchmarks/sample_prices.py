"""Reads real prices for the sample book from data with licences that allow redistribution."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.sample_story import STALE_DAYS

FIRST, OPENING, LAST = "2020-01-01", "2021-12-31", "2022-12-30"
SPOT_SOURCE = "Farag, Snudden and Upton (2024), LCERPA Working Paper 2024-3, CC BY 4.0"
BANK_SOURCE = "World Bank Commodity Price Data (The Pink Sheet), CC BY 4.0"
ECB_SOURCE = "European Central Bank euro foreign exchange reference rates"

SPOT = {
    "aluminum": "t", "copper": "t", "zinc": "t", "wheat": "bushel_wheat", "corn": "bushel_corn",
    "soybeans": "bushel_soybeans", "gold": "oz_t", "platinum": "oz_t", "wti": "bbl", "gasoline": "gal", "heatoil": "gal",
}  # fmt: skip
MONTHLY = {"cocoa": ("wb_cocoa", "kg"), "rubber": ("wb_rubber_tsr20", "kg")}


def spot_prices(path: Path) -> list[tuple[str, str, str]]:
    """Reads daily prices as (series, day, price), without the days of STALE_DAYS.

    The k-th value of a month belongs to the weekday k days before its last trading day. Prices that are not positive
    (WTI on 2020-04-20) are omitted, because the service refuses them.
    """
    found: dict[tuple[str, str], str] = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["commodity"] not in SPOT or not FIRST[:7] <= row["eom_date"][:7] <= LAST[:7]:
                continue
            end = np.datetime64(row["eom_date"])
            for back, name in enumerate(("eom", *(f"d{k}" for k in range(1, 21)))):
                day = np.busday_offset(end, -back, roll="backward")
                if row[name] and str(day)[:7] == row["eom_date"][:7] and float(row[name]) > 0:
                    found[row["commodity"], str(day)] = f"{float(row[name]):.8g}"
    stale = {
        (series, day) for series, first, last in STALE_DAYS for s, day in found if s == series and first <= day <= last
    }
    return [(series, day, price) for (series, day), price in sorted(found.items()) if (series, day) not in stale]


def monthly_prices(path: Path) -> list[tuple[str, str, str]]:
    """Reads monthly average prices as (series, day, price), dated on the last weekday of the month."""
    wanted = {code: series for series, (code, _) in MONTHLY.items()}
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["series_id"] in wanted and "2012-01" <= row["month"] <= "2022-11":
                end = np.datetime64(row["month"]) + 1
                day = np.busday_offset(end.astype("datetime64[D]") - 1, 0, roll="backward")
                rows.append((wanted[row["series_id"]], str(day), f"{float(row['price']):.8g}"))
    return sorted(rows)


def ecb_rates(path: Path) -> list[tuple[str, str, str, str]]:
    """Reads ECB reference rates as (EUR, quote currency, day, units for one euro)."""
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if FIRST <= row["Date"] <= LAST:
                rows += [("EUR", quote, row["Date"], row[quote]) for quote in ("USD", "CNY", "GBP") if row[quote]]
    return sorted(rows, key=lambda rate: (rate[2], rate[1]))


def closing(prices: Iterable[tuple[str, str, str]]) -> dict[str, float]:
    """Returns the last price of each series up to the opening day."""
    return {series: float(price) for series, day, price in prices if day <= OPENING}
