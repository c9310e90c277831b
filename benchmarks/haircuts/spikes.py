"""`make bench-spikes`: compares rules of the price adjustment on simulated spikes and on public daily series.

A *spike day* is a day whose price is over 1.5 times the median of the 20 days before. Two figures are reported for each
rule: the share of spike days on which the lendable value of a unit, price x adjustment x (1 - haircut of 20 days at
99 %), exceeds the price 20 days later; and by how much the mean lendable value of all other days falls against no
adjustment, in percentage points of the market value. Output is JSON lines and, with TABLE, a CSV file.

DATA is a folder of public series; without it only the simulated paths are used. PATHS is their number.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.haircuts.histories import PriceHistory, histories
from benchmarks.haircuts.spike_paths import DAYS_AFTER, HISTORY_DAYS, SpikePaths, spike_paths
from valuation._typing import Bool, Dates, Float
from valuation.haircuts.models.price_haircut import haircut
from valuation.prices.price_adjustment import LEVEL_DAYS, SUPPORTED_MOVES, USUAL_MOVES, adjustment, supported

HORIZON_DAYS = 20
SPIKE_RATIO, SPIKE_DAYS = 1.5, 20
PATHS = 10_000
FIRST_SIMULATED = HISTORY_DAYS + DAYS_AFTER - 250
"""First of the days of a simulated path that are scored, which are a year."""

REFRESH_DAYS = 5
CHUNK = 200
HISTORY_LIMIT = 2_000
"""Newest quotes used for a haircut, as in the service."""

HAIRCUT_DAYS = 20
"""Days between the haircuts of days that are not spike days. There the haircut only scales the cost of a rule."""

Rule = Callable[[Float], Float]
"""Returns the adjustment of every day [..., n] from prices [..., n]; 1 while the history is too short."""


@dataclass(frozen=True)
class Days:
    """Days of one or more series [..., n]: price, price ``HORIZON_DAYS`` later, haircut, spike days, other days."""

    prices: Float
    later: Float
    loss: Float
    is_spike: Bool
    is_other: Bool


def rule_of(prices: Float, level_days: int, moves: float, oldest: int = 0) -> Float:
    """Returns the adjustment of every day; the supported price may be up to ``oldest`` days old, the highest counts."""
    need = USUAL_MOVES + (level_days + 1) // 2 + level_days
    result = np.ones(prices.shape)
    if prices.shape[-1] < need:
        return result
    price = np.where(prices > 0.0, prices, np.nan)
    bound = np.concatenate(
        [supported(rows, level_days, 1, moves=moves) for rows in _chunks(sliding_window_view(price, need, axis=-1))]
    ).reshape(*prices.shape[:-1], -1)
    for age in range(1, oldest + 1):
        bound[..., age:] = np.fmax(bound[..., age:], bound[..., :-age])
    result[..., need - 1 :] = adjustment(price[..., need - 1 :], bound)
    return result


def _chunks(windows: Float) -> Iterator[Float]:
    if windows.ndim == 2:
        yield windows
        return
    for begin in range(0, len(windows), CHUNK):
        yield windows[begin : begin + CHUNK]


def no_adjustment(prices: Float) -> Float:
    """Returns 1 for every day."""
    return np.ones(prices.shape)


RULES: dict[str, Rule] = {
    "none": no_adjustment,
    **{
        f"{days} days, {moves} moves": partial(rule_of, level_days=days, moves=moves)
        for days in (10, LEVEL_DAYS, 30)
        for moves in (1.5, SUPPORTED_MOVES, 2.5, 3.0)
    },
    "as in the service": partial(rule_of, level_days=LEVEL_DAYS, moves=SUPPORTED_MOVES, oldest=REFRESH_DAYS),
}
"""Rules by name. The service may use a supported price of up to five days before while the price is below it."""


def main() -> None:
    """Prints a JSON line for each rule and set of days, and writes them to a table if a path is given."""
    folder, file, count = (sys.argv[1:] + [""] * 3)[:3]
    paths = spike_paths(int(count or PATHS))
    days = {"simulated": [_simulated_days(paths)]}
    parts = {"reverting": paths.reverts, "lasting": ~paths.reverts}
    if folder:
        series = histories(Path(folder))
        for label, chosen in (("liquid", True), ("illiquid", False)):
            days[label] = [_days(one) for one in series if one.liquid is chosen]
    rows = []
    for name, rule in RULES.items():
        for label, part in days.items():
            shares = [rule(one.prices) for one in part]
            rows.append(_row(name, label, part, shares))
            if label == "simulated":
                rows += [
                    _row(name, f"{label}, {kind}", [_of(part[0], chosen)], [shares[0][chosen]])
                    for kind, chosen in parts.items()
                ]
    for row in rows:
        print(json.dumps(row), flush=True)
    if file:
        with Path(file).open("w", encoding="utf-8", newline="") as table:
            writer = csv.DictWriter(table, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _row(name: str, label: str, days: list[Days], shares: list[Float]) -> dict[str, object]:
    spikes = failed = others = 0
    cost, worst = 0.0, 0.0
    for one, share in zip(days, shares, strict=True):
        lendable = one.prices * share * (1.0 - one.loss)
        known = one.is_spike & np.isfinite(one.later)
        spikes += int(known.sum())
        failed += int((lendable > one.later)[known].sum())
        worst = max(worst, float((lendable / np.maximum(one.later, 1e-9))[known].max(initial=0.0)))
        others += int(one.is_other.sum())
        cost += float(((1.0 - one.loss) * (1.0 - share))[one.is_other].sum())
    return {
        "days": label,
        "rule": name,
        "spike_days": spikes,
        "failed": failed,
        "failed_pct": round(100.0 * failed / max(spikes, 1), 2),
        "worst_ratio": round(worst, 2),
        "other_days": others,
        "cost_points": round(100.0 * cost / max(others, 1), 4),
    }


def _simulated_days(paths: SpikePaths) -> Days:
    """Returns the last year of the paths: the spike, the days before it, and the days after it."""
    prices = paths.prices
    inside = np.broadcast_to(np.arange(prices.shape[1]) >= FIRST_SIMULATED, prices.shape)
    is_spike = _is_spike(prices) & inside
    loss = np.stack(
        [_losses(paths.dates, row, marks, FIRST_SIMULATED) for row, marks in zip(prices, is_spike, strict=True)]
    )
    return Days(prices, _later(prices), loss, is_spike, inside & ~is_spike)


def _of(days: Days, chosen: Bool) -> Days:
    return Days(*(getattr(days, name)[chosen] for name in ("prices", "later", "loss", "is_spike", "is_other")))


def _days(history: PriceHistory) -> Days:
    """Returns the days of a series from the first one that every rule can adjust."""
    prices = history.prices
    inside = (np.arange(len(prices)) >= USUAL_MOVES + 2 * LEVEL_DAYS) & (prices > 0.0)
    is_spike = _is_spike(prices) & inside
    loss = _losses(history.dates, prices, is_spike, USUAL_MOVES)
    print(history.name, file=sys.stderr, flush=True)
    return Days(prices, _later(prices), loss, is_spike, inside & ~is_spike)


def _losses(dates: Dates, prices: Float, exact: Bool, first: int) -> Float:
    """Returns the haircut of every day: of the day itself where ``exact``, otherwise the last one of every 20 days."""
    rows = np.flatnonzero(exact | ((np.arange(len(prices)) >= first) & (np.arange(len(prices)) % HAIRCUT_DAYS == 0)))
    known = np.array([_loss(dates, prices, row) for row in [first, *rows.tolist()]])
    return np.asarray(known[np.searchsorted(rows, np.arange(len(prices)), side="right")], dtype=np.float64)


def _loss(dates: Dates, prices: Float, row: int) -> float:
    begin = max(row + 1 - HISTORY_LIMIT, 0)
    found = haircut(prices[begin : row + 1], dates[begin : row + 1], HORIZON_DAYS)
    return found.loss if found.has_opinion else found.class_floor


def _is_spike(prices: Float) -> Bool:
    before = np.median(sliding_window_view(prices, SPIKE_DAYS, axis=-1)[..., :-1, :], axis=-1)
    marks = np.zeros(prices.shape, dtype=np.bool_)
    marks[..., SPIKE_DAYS:] = prices[..., SPIKE_DAYS:] > SPIKE_RATIO * before
    return marks


def _later(prices: Float) -> Float:
    later = np.full(prices.shape, np.nan)
    later[..., :-HORIZON_DAYS] = prices[..., HORIZON_DAYS:]
    return later


if __name__ == "__main__":
    main()
