"""Haircuts of the series of a file, at their last date or rolling through their past."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collateral_registry.cli.price_file import History, PriceColumns, parse_day, read_histories
from collateral_registry.cli.session import EXIT_SOME_REFUSED, EXIT_USAGE, say
from collateral_registry.cli.workers import Failed, each_series
from valuation.errors import MissingExtra
from valuation.flags import QualityFlag
from valuation.prices.gjr import require_arch
from valuation.prices.haircut import HaircutModel, PriceHaircut, haircut

OUTPUT_COLUMNS = (
    "series", "date", "horizon_days", "confidence", "haircut", "expected_shortfall", "model", "n_obs", "flags",
)  # fmt: skip

MODELS = {
    "auto": HaircutModel.POOLED,
    "tier1": HaircutModel.POOLED,
    "pooled": HaircutModel.POOLED,
    "ewma-fhs": HaircutModel.EWMA_FHS,
    "tier2": HaircutModel.TIER2,
}

FIRST_ROLLING_OBSERVATION = 501
"""Where rolling begins without a date: two years of history."""

BUSINESS_DAYS_OF_YEAR, CALENDAR_DAYS_OF_YEAR = 250, 365


@dataclass(frozen=True)
class Asked:
    """What the command was asked for; ``start`` is NaT for the first origin that has two years before it."""

    horizon_days: int
    confidence: float
    model: HaircutModel
    rolling: bool
    start: np.datetime64
    every: int
    calendar: bool

    @property
    def business_days(self) -> int:
        """The horizon in business days, rounded up."""
        if not self.calendar:
            return self.horizon_days
        return math.ceil(self.horizon_days * BUSINESS_DAYS_OF_YEAR / CALENDAR_DAYS_OF_YEAR)


def model_named(option: str, name: str) -> HaircutModel:
    """The model of a name; raises ValueError naming the option for none, or for one whose extra is not installed."""
    if name not in MODELS:
        raise ValueError(f"{option}: got {name!r}, want {', '.join(MODELS)}")
    if MODELS[name] is HaircutModel.TIER2:
        try:
            require_arch()
        except MissingExtra as error:
            raise ValueError(f"{option}: {error}") from error
    return MODELS[name]


def asked(
    horizon_days: int, confidence: float, model: str, start: str, every: int, *, rolling: bool, calendar: bool
) -> Asked:
    """Checks the options; raises ValueError naming the one that is wrong."""
    chosen = model_named("--model", model)
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"--confidence: got {confidence}, want more than 0.5 and less than 1")
    first = parse_day(start)
    if start and np.isnat(first):
        raise ValueError(f"--from: got {start!r}, want a date such as 2015-01-02")
    return Asked(horizon_days, confidence, chosen, rolling, first, every or horizon_days, calendar)


def run_haircut(source: Path, output: Path, columns: PriceColumns, wanted: Asked, workers: int) -> int:
    """Writes a row per series and origin; a series that fails is named and the others go on; returns the exit code."""
    try:
        histories = read_histories(source, columns)
    except (ValueError, OSError, csv.Error) as error:
        say(str(error))
        return EXIT_USAGE
    failed = 0
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(OUTPUT_COLUMNS)
        for name, rows in each_series(partial(_rows, wanted=wanted), histories, workers, "Haircuts"):
            if isinstance(rows, Failed):
                failed += 1
                say(f"{name}: {rows.why}")
            else:
                writer.writerows(rows)
    return EXIT_SOME_REFUSED if failed else 0


def _rows(name: str, history: History, wanted: Asked) -> list[tuple[object, ...]]:
    dates, prices = history.columns()
    order = np.argsort(dates, kind="stable")
    in_order = bool((order[:-1] < order[1:]).all())
    rows = []
    for origin in _origins(dates, prices, wanted):
        known = order[: int(np.searchsorted(dates[order], origin, side="right"))]
        known = known if in_order else np.sort(known)
        found = haircut(prices[known], dates[known], wanted.business_days, wanted.confidence, model=wanted.model)
        rows.append(_row(name, origin, found, history, wanted))
    return rows


def _origins(dates: NDArray[np.datetime64], prices: NDArray[np.float64], wanted: Asked) -> NDArray[np.datetime64]:
    """The last observation, or when rolling one every so many observations (calendar days where those are counted)."""
    observed = np.unique(dates[np.isfinite(prices)])
    if not wanted.rolling:
        return observed[-1:] if len(observed) else np.unique(dates)[-1:]
    nothing_asked = bool(np.isnat(wanted.start))
    place = FIRST_ROLLING_OBSERVATION - 1 if nothing_asked else int(np.searchsorted(observed, wanted.start))
    if not wanted.calendar:
        return observed[place :: wanted.every]
    later = observed[place:]
    steps = (later - later[:1]).astype(np.int64) // wanted.every
    return later[np.concatenate([[True], np.diff(steps) > 0])] if len(later) else later


def _row(name: str, origin: np.datetime64, found: PriceHaircut, history: History, wanted: Asked) -> tuple[object, ...]:
    flags = [flag.name or "" for flag in QualityFlag if flag and flag in found.flags]
    flags += [defect.name for defect in found.cleaned.defects if defect.name not in flags]
    flags += [found.fallen_back] if found.fallen_back and found.fallen_back not in flags else []
    flags += [f"MULTIPLIER_{found.watch.multiplier:.3f}"] if found.watch.multiplier > 1.0 else []
    flags += ["UNREADABLE_DATE"] if history.unreadable else []
    start = (name, str(origin), wanted.horizon_days, wanted.confidence)
    if not found.has_opinion:
        floor = f"{found.class_floor:.10f}"
        return (*start, floor, floor, "class-floor/1", found.observations, "|".join(["NO_OPINION", *flags]))
    numbers = (f"{found.loss:.10f}", f"{found.expected_shortfall:.10f}")
    return (*start, *numbers, found.model, found.observations, "|".join(flags))
