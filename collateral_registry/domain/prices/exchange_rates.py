"""Conversion between currencies: the path in use, now and on past days, and the history of a pair from both directions.

A path is the pair itself, quoted in either direction, or a cross of two such pairs through one other currency.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from collateral_registry.domain.prices.market_data import FxQuote, Quarantined
from valuation._typing import Bool, Float, Int
from valuation.prices.jumps import JUMP_LOG_MOVE

Pair = tuple[str, str]
"""Base currency and quote currency."""

DatedRates = tuple[Int, Float]
"""Days [k] in ascending order, and the rate of each day."""

NEVER = -(1 << 40)
"""Day of a path that has no rate yet; older than every day by more than any maximum age."""


@dataclass(frozen=True)
class QuotedRate:
    """The newest rate of a quoted pair, and the last commit that changed an earlier one (0 for none).

    ``low`` and ``high`` are the lowest and the highest rate in quarantine that is at least as new as the newest rate of
    the pair in either direction, NaN where there is none; ``quarantined_day`` is the day of the newest.
    """

    series_key: int
    rate: float
    day: int
    history_seq: int
    low: float = math.nan
    high: float = math.nan
    quarantined_day: int = NEVER


@dataclass(frozen=True)
class FxLeg:
    """A quoted rate used by a conversion: the pair as quoted, whether its inverse is used, the quoted rate, its day."""

    base: str
    quote: str
    inverse: bool
    rate: float
    day: int

    @property
    def factor(self) -> float:
        """The rate in the direction of the conversion."""
        return 1.0 / self.rate if self.inverse else self.rate


def series_id_of(base: str, quote: str) -> str:
    """Returns the id of the series of a pair's rates."""
    return f"fx-{base.lower()}-{quote.lower()}"


def path_text(legs: Iterable[FxLeg]) -> str:
    """Returns a path as it is stored: its legs, for example ``EUR/USD*1.08@19878 1/CNY/USD*0.138@19877``."""
    return " ".join(f"{'1/' * leg.inverse}{leg.base}/{leg.quote}*{leg.rate!r}@{leg.day}" for leg in legs)


def legs_of(text: str) -> list[FxLeg]:
    """Returns the legs of a stored path."""
    return [_leg_of(leg) for leg in text.split()]


def _leg_of(text: str) -> FxLeg:
    pair, _, rest = text.removeprefix("1/").partition("*")
    base, _, quote = pair.partition("/")
    rate, _, day = rest.partition("@")
    return FxLeg(base, quote, text.startswith("1/"), float(rate), int(day))


def fx_paths(quoted: Mapping[Pair, QuotedRate], pairs: Iterable[Pair], max_age_days: int) -> dict[Pair, FxQuote | None]:
    """Returns the conversion of each pair by its path in use; None if no path connects the currencies."""
    return {pair: _conversion(quoted, pair, max_age_days) for pair in pairs}


def _conversion(quoted: Mapping[Pair, QuotedRate], pair: Pair, max_age_days: int) -> FxQuote | None:
    partners = _partners(quoted, pair[0]) & _partners(quoted, pair[1])
    paths = [(pair,), *(((pair[0], middle), (middle, pair[1])) for middle in sorted(partners))]
    legs = [[leg for link in path if (leg := _newest_leg(quoted, link))] for path in paths]
    days = np.array([[min((leg.day for leg in path), default=NEVER)] for path in legs], dtype=np.int64)
    rates = np.array([[math.prod(leg.factor for leg in path)] for path in legs], dtype=np.float64)
    row, differ = paths_in_use(days, rates, max_age_days)
    used = int(row[0])
    if days[used, 0] == NEVER:
        return None
    found = [quoted[one] for path in paths for link in path for one in _directions(link) if one in quoted]
    return FxQuote(
        rate=float(rates[used, 0]),
        day=int(days[used, 0]),
        path=path_text(legs[used]),
        history_seq=max(one.history_seq for one in found),
        paths=tuple(tuple(_keys(quoted, link) for link in path) for path in paths),
        paths_differ=bool(differ[0]),
        quarantined=_quarantined(quoted, paths[used], legs[used], pair),
    )


def _quarantined(
    quoted: Mapping[Pair, QuotedRate], path: Sequence[Pair], legs: Sequence[FxLeg], pair: Pair
) -> Quarantined | None:
    """Returns the quarantined rates of the path in use, and those of the pair itself if a cross is used instead."""
    found = [_in_quarantine(quoted, link, leg.factor, leg.day) for link, leg in zip(path, legs, strict=True)]
    used = [one for one in found if one is not None]
    rate, day = math.prod(leg.factor for leg in legs), min(leg.day for leg in legs)
    own = None if path == (pair,) else _in_quarantine(quoted, pair, rate, day)
    bounds = [*([reduce(Quarantined.crossed, used)] if used else []), *([own] if own else [])]
    if not bounds:
        return None
    return Quarantined(min(one.low for one in bounds), max(one.high for one in bounds))


def _in_quarantine(quoted: Mapping[Pair, QuotedRate], pair: Pair, rate: float, day: int) -> Quarantined | None:
    """Returns the rates of a pair in quarantine, of both directions, that are at least as new as the rate in use."""
    rates = []
    for one in _directions(pair):
        found = quoted.get(one)
        if found is not None and not math.isnan(found.low) and found.quarantined_day >= day:
            rates += [found.low, found.high] if one == pair else [1.0 / found.high, 1.0 / found.low]
    return Quarantined.against(rate, min(rates), max(rates)) if rates else None


def _partners(quoted: Mapping[Pair, QuotedRate], currency: str) -> set[str]:
    """Returns the currencies that are quoted with a currency in either direction."""
    return {b for a, b in quoted if a == currency} | {a for a, b in quoted if b == currency}


def _directions(pair: Pair) -> tuple[Pair, Pair]:
    return pair, (pair[1], pair[0])


def _newest_leg(quoted: Mapping[Pair, QuotedRate], pair: Pair) -> FxLeg | None:
    """Returns the newer of the direct and the inverse quote of a pair; the direct one if both are of one day."""
    direct, inverse = (
        FxLeg(*one, inverse=one != pair, rate=quoted[one].rate, day=quoted[one].day) if one in quoted else None
        for one in _directions(pair)
    )
    if direct is None or inverse is None:
        return direct or inverse
    return direct if direct.day >= inverse.day else inverse


def _keys(quoted: Mapping[Pair, QuotedRate], pair: Pair) -> tuple[int, int]:
    """Returns the keys of a pair's series and of the inverse series; 0 for a direction that is not quoted."""
    direct, inverse = (quoted[one].series_key if one in quoted else 0 for one in _directions(pair))
    return direct, inverse


def paths_in_use(days: Int, rates: Float, max_age_days: int) -> tuple[Int, Bool]:
    """Returns the path in use at each time [t] among the paths [p, t], and whether a cross differs from the own rate.

    The first path is the pair itself. The newest path is used, and the first of those of the same day. A path without a
    rate has the day NEVER. A cross that is a jump away from the pair's own rate is not used while both are at most
    ``max_age_days`` apart.
    """
    comparable = (days != NEVER) & (np.abs(days - days[0]) <= max_age_days)
    differs = comparable & (np.abs(np.log(rates / rates[0])) > JUMP_LOG_MOVE)
    row: Int = np.argmax(np.where(differs, NEVER, days), axis=0)
    return row, differs.any(axis=0)


def both_directions(direct: DatedRates, inverse: DatedRates) -> DatedRates:
    """Returns the history of a pair from its rates and those of its inverse; of one day the direct rate is used."""
    return overlaid((inverse[0], 1.0 / inverse[1]), direct)


def overlaid(below: DatedRates, above: DatedRates) -> DatedRates:
    """Returns both histories in date order; for a day of both, the rate of ``above``."""
    if not len(above[0]):
        return below
    days, rates = (np.concatenate(both) for both in zip(below, above, strict=True))
    order = np.argsort(days, kind="stable")
    days, rates = days[order], rates[order]
    last = np.append(days[1:] != days[:-1], True)[: len(days)]
    return days[last], rates[last]


def rates_in_use(paths: Sequence[Sequence[DatedRates]], max_age_days: int) -> DatedRates:
    """Returns the history of a conversion: on each day, the rate of the path that was in use on that day.

    A path is given as the histories of its one or two pairs; the first path is the pair itself. A day is included if a
    pair of the path in use was quoted on it; the other pair of a cross is taken as known on that day,
    unless it was then older than ``max_age_days``.
    """
    grid = np.unique(np.concatenate([pair[0] for path in paths for pair in path]))
    days = np.full((len(paths), len(grid)), NEVER, dtype=np.int64)
    rates = np.ones((len(paths), len(grid)))
    quoted = np.zeros((len(paths), len(grid)), dtype=np.bool_)
    for number, path in enumerate(paths):
        days[number], rates[number], quoted[number] = _on_days(path, grid)
    row, _ = paths_in_use(days, rates, max_age_days)
    at = np.arange(len(grid))
    known = (days[row, at] >= grid - max_age_days) & quoted[row, at]
    return grid[known], rates[row, at][known]


def _on_days(path: Sequence[DatedRates], grid: Int) -> tuple[Int, Float, Bool]:
    """Returns the day and the rate of a path on each day [t], and whether one of its pairs was quoted on that day.

    Before the first rate of a pair the day is NEVER.
    """
    day = np.full(len(grid), np.iinfo(np.int64).max)
    rate, quoted = np.ones(len(grid)), np.zeros(len(grid), dtype=np.bool_)
    known = np.ones(len(grid), dtype=np.bool_)
    for days, rates in path:
        row = np.searchsorted(days, grid, side="right") - 1
        known &= row >= 0
        if not len(days):
            break
        day = np.minimum(day, days[row])
        rate *= rates[row]
        quoted |= days[row] == grid
    return np.where(known, day, NEVER), np.where(known, rate, 1.0), quoted & known
