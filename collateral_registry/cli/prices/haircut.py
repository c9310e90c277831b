"""Estimates haircuts for the series of a file, at the last date or at rolling origins."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, EXIT_USAGE, print_error, print_line
from collateral_registry.cli.prices.price_file import History, read_histories
from collateral_registry.cli.prices.workers import Failed, each_series
from collateral_registry.exports.cells import CsvWriter
from valuation.errors import MissingExtra
from valuation.extras import check_installed
from valuation.flags import QualityFlag
from valuation.haircuts.models import joint
from valuation.haircuts.models.class_memory import NOTHING_LEARNED, ClassMemory, class_memory
from valuation.haircuts.models.joint import JointHaircut, joint_haircut
from valuation.haircuts.models.pooled import FLOOR_DAILY_VOLATILITY
from valuation.haircuts.models.price_haircut import MODELS, HaircutModel, PriceHaircut, haircut
from valuation.haircuts.models.proxy import LinkedHaircut, linked_haircut
from valuation.haircuts.models.sale_horizon import Sale, after_impact
from valuation.haircuts.models.tier1 import seed_for
from valuation.notebook.price_input import PriceColumns
from valuation.prices.calendar_days import days_of_trade

OUTPUT_COLUMNS = (
    "series", "date", "horizon_days", "confidence", "haircut", "expected_shortfall", "model", "n_obs", "flags",
    "price_adjustment",
)  # fmt: skip

MORE_COLUMNS = ("path_minimum", "path_shortfall", "standard_error", "shortfall_error", "impact", "value_correction")
"""Additional columns of ``--more-columns``."""

BASES = ("terminal", "path-minimum")
"""Losses that can be used as the haircut: at the end of the horizon, or on the worst day within it."""

FIRST_ROLLING_OBSERVATION = 501
"""By default, the first origin of rolling estimates is after two years of history."""

JOINT_MODELS = ("auto", "ewma-fhs")
"""Values of ``--model`` when an exchange rate is simulated jointly with the price."""

LINKED_MODELS = ("auto", "pooled")
"""Values of ``--model`` when series are linked to a proxy series."""

AnyHaircut = PriceHaircut | JointHaircut | LinkedHaircut


@dataclass(frozen=True)
class HaircutRequest:
    """Options of the haircut command.

    If ``start`` is NaT, the first rolling origin is the first observation with two years of history.
    """

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

    def __post_init__(self) -> None:
        """Raises ValueError naming an invalid option."""
        if not 0.5 < self.confidence < 1.0:
            raise ValueError(f"--confidence: got {self.confidence}, want more than 0.5 and less than 1")
        if self.basis not in BASES:
            raise ValueError(f"--basis: got {self.basis!r}, want {', '.join(BASES)}")
        if self.sale.quantity and math.isinf(self.sale.daily_volume):
            raise ValueError("--daily-volume: got none, want the daily market volume in the unit of --quantity")
        if self.sale.quantity and self.calendar:
            raise ValueError("--calendar: cannot be combined with --quantity; a sale is counted in business days")
        pooled = self.model is HaircutModel.POOLED and self.rates is None and not self.proxy
        if self.learn_across and not pooled:
            raise ValueError("--learn-across: only with --model auto, tier1 or pooled, and without --rates and --proxy")

    @property
    def total_days(self) -> int:
        """The horizon plus all waiting periods, in the requested kind of days.

        If a quantity is given, the result is the horizon for the sale of that quantity.
        """
        if self.sale.quantity:
            return self.sale.horizon_days
        return self.horizon_days + self.sale.waiting_days

    def trading_days(self, dates: NDArray[np.datetime64], prices: NDArray[np.float64]) -> int:
        """Returns the horizon in trading days of the simulated series [n], rounded up."""
        return days_of_trade(dates, prices, self.total_days) if self.calendar else self.total_days


def model_named(option: str, name: str, allowed: Collection[str] = tuple(MODELS)) -> HaircutModel:
    """Returns the model with a name.

    Raises ValueError naming the option if the model is unknown or its extra is not installed.
    """
    if name not in allowed:
        raise ValueError(f"{option}: got {name!r}, want {', '.join(allowed)}")
    if MODELS[name] is HaircutModel.TIER2:
        try:
            check_installed("tier2")
        except MissingExtra as error:
            raise ValueError(f"{option}: {error}") from error
    return MODELS[name]


def first_origin(text: str) -> np.datetime64:
    """Returns the date given by ``--from``; NaT if it is empty. Raises ValueError if it is not a date."""
    try:
        return np.datetime64(date.fromisoformat(text) if text else "NaT", "D")
    except ValueError:
        raise ValueError(f"--from: got {text!r}, want a date such as 2015-01-02") from None


def requested_model(name: str, proxy: str, rates: History | None) -> HaircutModel:
    """Returns the model given by ``--model``; raises ValueError for an unknown model or conflicting options."""
    if proxy and rates is not None:
        raise ValueError("--proxy: cannot be combined with --rates; convert both series by dated rates first")
    return model_named("--model", name, LINKED_MODELS if proxy else MODELS if rates is None else JOINT_MODELS)


def read_rates(source: Path | None) -> History | None:
    """Reads a file of rates that holds one series, with the columns ``date`` and ``price``; raises ValueError."""
    if source is None:
        return None
    file = read_histories(source, PriceColumns())
    if file.refused:
        raise ValueError(f"--rates: {file.name}:{file.refused[0].line}: {file.refused[0].reason}")
    if len(file.histories) != 1:
        raise ValueError(f"--rates: got {len(file.histories)} series, want one")
    return next(iter(file.histories.values()))


def run_haircut(source: Path, output: Path, columns: PriceColumns, request: HaircutRequest, workers: int) -> int:
    """Writes one row per series and origin, and returns the exit code; reports refused rows and series that fail."""
    try:
        file = read_histories(source, columns)
    except (ValueError, OSError) as error:
        print_error(str(error))
        return EXIT_USAGE
    histories = file.histories
    proxy = histories.get(request.proxy)
    if request.proxy and (proxy is None or proxy.doubtful):
        file.report()
        print_error(f"--proxy: got {request.proxy!r}, want a series of the file whose rows are read")
        return EXIT_USAGE
    memory = _memory(histories, request)
    failed = 0
    with output.open("w", encoding="utf-8", newline="") as written:
        writer = CsvWriter(written)
        writer.write([*OUTPUT_COLUMNS, *(MORE_COLUMNS if request.more_columns else ())])
        work = partial(_rows, proxy=proxy, memory=memory, request=request)
        for name, rows in each_series(work, histories, workers, "Haircuts"):
            if isinstance(rows, Failed):
                failed += 1
                print_error(f"{name}: {rows.reason}")
            else:
                writer.write(*rows)
    print_line(f"wrote haircuts of {len(histories) - failed} series to {output}", to_stderr=True)
    file.report()
    return EXIT_SOME_REFUSED if failed or file.refused else 0


def _rows(
    name: str, history: History, proxy: History | None, memory: ClassMemory, request: HaircutRequest
) -> list[tuple[object, ...]]:
    """Returns one row per origin.

    The proxy itself is estimated from its own quotes. A series that has no prices or too many refused rows gets a
    single row, with the floor that applies without prices.
    """
    dates, prices = history.dates, history.prices
    if history.doubtful or not len(dates):
        newest = dates.max() if len(dates) else np.datetime64("NaT", "D")
        floor = haircut(
            prices[:0], dates[:0], request.trading_days(dates[:0], prices[:0]), request.confidence, model=request.model
        )
        return [_row(name, newest, floor, history, request)]
    order = np.argsort(dates, kind="stable")
    in_order = bool((order[:-1] < order[1:]).all())
    rows = []
    for origin in _origins(dates, prices, request):
        known = order[: int(np.searchsorted(dates[order], origin, side="right"))]
        known = known if in_order else np.sort(known)
        if proxy is None or name == request.proxy:
            found: AnyHaircut = _estimate(history.seed_name, origin, prices[known], dates[known], memory, request)
        else:
            found = _estimate_linked(origin, prices[known], dates[known], proxy, request)
        rows.append(_row(name, origin, found, history, request))
    return rows


def _memory(histories: Mapping[str, History], request: HaircutRequest) -> ClassMemory:
    """Returns the experience pooled over the series of the file, without those that have too many refused rows.

    It is empty unless pooling is requested.
    """
    if not request.learn_across:
        return NOTHING_LEARNED
    return class_memory((history.prices, history.dates) for history in histories.values() if not history.doubtful)


def _estimate_linked(
    origin: np.datetime64,
    prices: NDArray[np.float64],
    dates: NDArray[np.datetime64],
    proxy: History,
    request: HaircutRequest,
) -> LinkedHaircut:
    """Returns the haircut of a grade, estimated from its own and its proxy's quotes up to the origin."""
    proxy_dates, proxy_prices = proxy.dates, proxy.prices
    past = proxy_dates <= origin
    proxy_prices, proxy_dates = proxy_prices[past], proxy_dates[past]
    days = request.trading_days(proxy_dates, proxy_prices)
    return linked_haircut(prices, dates, proxy_prices, proxy_dates, days, request.confidence)


def _estimate(
    name: str,
    origin: np.datetime64,
    prices: NDArray[np.float64],
    dates: NDArray[np.datetime64],
    memory: ClassMemory,
    request: HaircutRequest,
) -> AnyHaircut:
    """Returns the haircut estimated from the quotes up to the origin; the seed depends on series, date and model."""
    days, confidence = request.trading_days(dates, prices), request.confidence
    if request.rates is None:
        seed = seed_for(name, origin, request.model.value)
        return haircut(prices, dates, days, confidence, model=request.model, seed=seed, memory=memory)
    rate_dates, rates = request.rates.dates, request.rates.prices
    past = rate_dates <= origin
    seed = seed_for(name, origin, f"{joint.MODEL}/{joint.VERSION}")
    return joint_haircut(prices, dates, rates[past], rate_dates[past], days, confidence, seed=seed)


def _origins(
    dates: NDArray[np.datetime64], prices: NDArray[np.float64], request: HaircutRequest
) -> NDArray[np.datetime64]:
    """Returns the last date; if rolling, returns origins every so many observations or calendar days."""
    observed = np.unique(dates[np.isfinite(prices)])
    if not request.rolling:
        return observed[-1:] if len(observed) else np.unique(dates)[-1:]
    no_start = bool(np.isnat(request.start))
    place = FIRST_ROLLING_OBSERVATION - 1 if no_start else int(np.searchsorted(observed, request.start))
    if not request.calendar:
        return observed[place :: request.every]
    # Keep the first observation of each period of ``every`` calendar days.
    later = observed[place:]
    steps = (later - later[:1]).astype(np.int64) // request.every
    return later[np.concatenate([[True], np.diff(steps) > 0])] if len(later) else later


def _row(
    name: str, origin: np.datetime64, found: AnyHaircut, history: History, request: HaircutRequest
) -> tuple[object, ...]:
    start = (name, "" if np.isnat(origin) else str(origin), request.total_days, request.confidence)
    flags, adjusted = _flags(found, history, request), f"{found.price_adjustment:.10f}"
    if not found.has_opinion:
        impact = request.sale.price_impact(FLOOR_DAILY_VOLATILITY)
        floor = f"{after_impact(found.class_floor, impact):.10f}"
        more = ("", "", "", "", f"{impact:.10f}", "") if request.more_columns else ()
        shown = "|".join(["NO_OPINION", *flags])
        return (*start, floor, floor, "class-floor/1", found.observations, shown, adjusted, *more)
    impact = request.sale.price_impact(found.daily_volatility)
    terminal, worst = (found.loss, found.expected_shortfall), (found.path_minimum, found.path_shortfall)
    chosen = terminal if request.basis == BASES[0] else worst
    numbers = [f"{after_impact(loss, impact):.10f}" for loss in chosen]
    row = (*start, *numbers, found.model, found.observations, "|".join(flags), adjusted)
    if not request.more_columns:
        return row
    additional = (*worst, found.standard_error, found.shortfall_error, impact, found.value_correction)
    return (*row, *(f"{one:.10f}" for one in additional))


def _flags(found: AnyHaircut, history: History, request: HaircutRequest) -> list[str]:
    flags = [flag.name or "" for flag in QualityFlag if flag and flag in found.flags]
    flags += [defect.name for defect in found.cleaned.defects if defect.name not in flags]
    flags += [found.fallen_back] if found.fallen_back and found.fallen_back not in flags else []
    flags += [f"MULTIPLIER_{found.watch.multiplier:.3f}"] if found.watch.multiplier > 1.0 else []
    flags += ["REFUSED_ROWS"] if history.refused else []
    flags += ["HIDDEN_GAP"] if found.value_correction < 1.0 else []
    flags += ["PROXY_LINKED"] if isinstance(found, LinkedHaircut) else []
    flags += ["PATH_MINIMUM"] if request.basis != BASES[0] else []
    return [*flags, "PRICE_IMPACT"] if request.sale.quantity else flags
