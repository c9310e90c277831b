"""Haircuts of the series of a file, at their last date or rolling through their past."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, EXIT_USAGE, print_error
from collateral_registry.cli.prices.price_file import History, PriceColumns, parse_day, read_histories
from collateral_registry.cli.prices.workers import Failed, each_series
from valuation.errors import MissingExtra
from valuation.flags import QualityFlag
from valuation.haircuts.models import joint
from valuation.haircuts.models.class_memory import NOTHING_LEARNED, ClassMemory, class_memory
from valuation.haircuts.models.gjr import require_arch
from valuation.haircuts.models.joint import JointHaircut, joint_haircut
from valuation.haircuts.models.pooled import FLOOR_DAILY_VOLATILITY
from valuation.haircuts.models.price_haircut import HaircutModel, PriceHaircut, haircut
from valuation.haircuts.models.proxy import LinkedHaircut, linked_haircut
from valuation.haircuts.models.sale_horizon import Sale, after_impact
from valuation.haircuts.models.tier1 import seed_for
from valuation.prices.calendar_days import days_of_trade

OUTPUT_COLUMNS = (
    "series", "date", "horizon_days", "confidence", "haircut", "expected_shortfall", "model", "n_obs", "flags",
)  # fmt: skip

MORE_COLUMNS = ("path_minimum", "path_shortfall", "standard_error", "shortfall_error", "impact", "value_correction")
"""Of ``--more-columns``, after the others."""

BASES = ("terminal", "path-minimum")
"""Which loss is the haircut: that at the end of the horizon, or that of the worst day on the way."""

MODELS = {
    "auto": HaircutModel.POOLED,
    "tier1": HaircutModel.POOLED,
    "pooled": HaircutModel.POOLED,
    "ewma-fhs": HaircutModel.EWMA_FHS,
    "arithmetic": HaircutModel.ARITHMETIC,
    "tier2": HaircutModel.TIER2,
}

FIRST_ROLLING_OBSERVATION = 501
"""Where rolling begins without a date: two years of history."""

JOINT_MODELS = ("auto", "ewma-fhs")
"""What ``--model`` may be where a rate is simulated beside the price."""

LINKED_MODELS = ("auto", "pooled")
"""What it may be where a grade is linked to another series of the file."""

Found = PriceHaircut | JointHaircut | LinkedHaircut


@dataclass(frozen=True)
class HaircutRequest:
    """What the command was asked for; ``start`` is NaT for the first origin that has two years before it."""

    horizon_days: int
    confidence: float
    model: HaircutModel
    rolling: bool
    start: np.datetime64
    every: int
    calendar: bool
    sale: Sale
    basis: str
    rates: History | None
    proxy: str
    more_columns: bool
    learn_across: bool

    @property
    def total_days(self) -> int:
        """The horizon with all waiting, in the days asked for; that of the sale where its quantity is known."""
        if self.sale.quantity:
            return self.sale.horizon_days
        return self.horizon_days + self.sale.waiting_days

    def trading_days(self, dates: NDArray[np.datetime64], prices: NDArray[np.float64]) -> int:
        """The horizon in days of trade of the series [n] that is simulated, rounded up."""
        return days_of_trade(dates, prices, self.total_days) if self.calendar else self.total_days


def model_named(option: str, name: str, allowed: Collection[str] = tuple(MODELS)) -> HaircutModel:
    """The model of a name; raises ValueError naming the option for none, or for one whose extra is not installed."""
    if name not in allowed:
        raise ValueError(f"{option}: got {name!r}, want {', '.join(allowed)}")
    if MODELS[name] is HaircutModel.TIER2:
        try:
            require_arch()
        except MissingExtra as error:
            raise ValueError(f"{option}: {error}") from error
    return MODELS[name]


def asked(
    horizon_days: int,
    confidence: float,
    model: str,
    start: str,
    every: int,
    *,
    rolling: bool,
    calendar: bool,
    sale: Sale,
    basis: str,
    rates: History | None,
    proxy: str,
    more_columns: bool,
    learn_across: bool,
) -> HaircutRequest:
    """Checks the options; raises ValueError naming the one that is wrong."""
    if proxy and rates is not None:
        raise ValueError("--proxy: not together with --rates: convert both series by dated rates first")
    chosen = model_named("--model", model, LINKED_MODELS if proxy else MODELS if rates is None else JOINT_MODELS)
    if not 0.5 < confidence < 1.0:
        raise ValueError(f"--confidence: got {confidence}, want more than 0.5 and less than 1")
    if basis not in BASES:
        raise ValueError(f"--basis: got {basis!r}, want {', '.join(BASES)}")
    if sale.quantity and math.isinf(sale.daily_volume):
        raise ValueError("--daily-volume: got none, want what the market trades a day, in the unit of --quantity")
    if sale.quantity and calendar:
        raise ValueError("--calendar: a sale of a --quantity is counted in business days")
    if learn_across and (proxy or rates is not None or chosen is not HaircutModel.POOLED):
        raise ValueError("--learn-across: only with --model auto, tier1 or pooled, and neither --rates nor --proxy")
    first = parse_day(start)
    if start and np.isnat(first):
        raise ValueError(f"--from: got {start!r}, want a date such as 2015-01-02")
    return HaircutRequest(
        horizon_days,
        confidence,
        chosen,
        rolling,
        first,
        every or horizon_days,
        calendar,
        sale,
        basis,
        rates,
        proxy,
        more_columns,
        learn_across,
    )


def read_rates(source: Path | None) -> History | None:
    """The one series of a file of rates, in columns ``date`` and ``price``; raises ValueError for several."""
    if source is None:
        return None
    found = list(read_histories(source, PriceColumns()).values())
    if len(found) != 1:
        raise ValueError(f"--rates: got {len(found)} series, want one")
    return found[0]


def run_haircut(source: Path, output: Path, columns: PriceColumns, wanted: HaircutRequest, workers: int) -> int:
    """Writes a row per series and origin; a series that fails is named and the others go on; returns the exit code."""
    try:
        histories = read_histories(source, columns)
    except (ValueError, OSError, csv.Error) as error:
        print_error(str(error))
        return EXIT_USAGE
    if wanted.proxy and wanted.proxy not in histories:
        print_error(f"--proxy: got {wanted.proxy!r}, want a series of the file")
        return EXIT_USAGE
    proxy = histories.get(wanted.proxy)
    memory = _memory(histories, wanted)
    failed = 0
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*OUTPUT_COLUMNS, *(MORE_COLUMNS if wanted.more_columns else ())])
        work = partial(_rows, proxy=proxy, memory=memory, wanted=wanted)
        for name, rows in each_series(work, histories, workers, "Haircuts"):
            if isinstance(rows, Failed):
                failed += 1
                print_error(f"{name}: {rows.why}")
            else:
                writer.writerows(rows)
            if histories[name].unreadable:
                print_error(f"{name}: {_unreadable(histories[name])}")
    return EXIT_SOME_REFUSED if failed else 0


def _unreadable(history: History) -> str:
    count, first = history.unreadable, history.first_unreadable
    return f"{count} rows without a readable date, the first {first}; want dates such as 2020-01-05"


def _rows(
    name: str, history: History, proxy: History | None, memory: ClassMemory, wanted: HaircutRequest
) -> list[tuple[object, ...]]:
    """A row per origin; of the proxy itself by its own quotes; one without an opinion where the dates are doubtful."""
    dates, prices = history.columns()
    if history.doubtful or not len(dates):
        newest = dates.max() if len(dates) else np.datetime64("NaT", "D")
        nothing = haircut(
            prices[:0], dates[:0], wanted.trading_days(dates[:0], prices[:0]), wanted.confidence, model=wanted.model
        )
        return [_row(name, newest, nothing, history, wanted)]
    order = np.argsort(dates, kind="stable")
    in_order = bool((order[:-1] < order[1:]).all())
    rows = []
    for origin in _origins(dates, prices, wanted):
        known = order[: int(np.searchsorted(dates[order], origin, side="right"))]
        known = known if in_order else np.sort(known)
        if proxy is None or name == wanted.proxy:
            found: Found = _found(name, origin, prices[known], dates[known], memory, wanted)
        else:
            found = _linked(origin, prices[known], dates[known], proxy, wanted)
        rows.append(_row(name, origin, found, history, wanted))
    return rows


def _memory(histories: dict[str, History], wanted: HaircutRequest) -> ClassMemory:
    """What the series of the file have told together, where it was asked for."""
    if not wanted.learn_across:
        return NOTHING_LEARNED
    columns = [history.columns() for history in histories.values()]
    return class_memory((prices, dates) for dates, prices in columns)


def _linked(
    origin: np.datetime64,
    prices: NDArray[np.float64],
    dates: NDArray[np.datetime64],
    proxy: History,
    wanted: HaircutRequest,
) -> LinkedHaircut:
    """The haircut of a grade by what was known of it and of its proxy at the origin."""
    proxy_dates, proxy_prices = proxy.columns()
    past = proxy_dates <= origin
    proxy_prices, proxy_dates = proxy_prices[past], proxy_dates[past]
    days = wanted.trading_days(proxy_dates, proxy_prices)
    return linked_haircut(prices, dates, proxy_prices, proxy_dates, days, wanted.confidence)


def _found(
    name: str,
    origin: np.datetime64,
    prices: NDArray[np.float64],
    dates: NDArray[np.datetime64],
    memory: ClassMemory,
    wanted: HaircutRequest,
) -> Found:
    """The haircut of what was known at the origin, seeded by series, date and model."""
    days, confidence = wanted.trading_days(dates, prices), wanted.confidence
    if wanted.rates is None:
        seed = seed_for(name, origin, wanted.model.value)
        return haircut(prices, dates, days, confidence, model=wanted.model, seed=seed, memory=memory)
    rate_dates, rates = wanted.rates.columns()
    past = rate_dates <= origin
    seed = seed_for(name, origin, f"{joint.MODEL}/{joint.VERSION}")
    return joint_haircut(prices, dates, rates[past], rate_dates[past], days, confidence, seed=seed)


def _origins(
    dates: NDArray[np.datetime64], prices: NDArray[np.float64], wanted: HaircutRequest
) -> NDArray[np.datetime64]:
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


def _row(
    name: str, origin: np.datetime64, found: Found, history: History, wanted: HaircutRequest
) -> tuple[object, ...]:
    start = (name, "" if np.isnat(origin) else str(origin), wanted.total_days, wanted.confidence)
    flags = _flags(found, history, wanted)
    if not found.has_opinion:
        impact = wanted.sale.price_impact(FLOOR_DAILY_VOLATILITY)
        floor = f"{after_impact(found.class_floor, impact):.10f}"
        more = ("", "", "", "", f"{impact:.10f}", "") if wanted.more_columns else ()
        return (*start, floor, floor, "class-floor/1", found.observations, "|".join(["NO_OPINION", *flags]), *more)
    impact = wanted.sale.price_impact(found.daily_volatility)
    terminal, worst = (found.loss, found.expected_shortfall), (found.path_minimum, found.path_shortfall)
    chosen = terminal if wanted.basis == BASES[0] else worst
    numbers = [f"{after_impact(loss, impact):.10f}" for loss in chosen]
    row = (*start, *numbers, found.model, found.observations, "|".join(flags))
    if not wanted.more_columns:
        return row
    beside = (*worst, found.standard_error, found.shortfall_error, impact, found.value_correction)
    return (*row, *(f"{one:.10f}" for one in beside))


def _flags(found: Found, history: History, wanted: HaircutRequest) -> list[str]:
    flags = [flag.name or "" for flag in QualityFlag if flag and flag in found.flags]
    flags += [defect.name for defect in found.cleaned.defects if defect.name not in flags]
    flags += [found.fallen_back] if found.fallen_back and found.fallen_back not in flags else []
    flags += [f"MULTIPLIER_{found.watch.multiplier:.3f}"] if found.watch.multiplier > 1.0 else []
    flags += ["UNREADABLE_DATE"] if history.unreadable else []
    flags += ["HIDDEN_GAP"] if found.value_correction < 1.0 else []
    flags += ["PROXY_LINKED"] if isinstance(found, LinkedHaircut) else []
    flags += ["PATH_MINIMUM"] if wanted.basis != BASES[0] else []
    return [*flags, "PRICE_IMPACT"] if wanted.sale.quantity else flags
