"""An illiquid grade priced rarely, linked to a liquid proxy: what it shares with it, and the basis that it does not.

    r_grade = b0 r_proxy + b1 r_proxy(before) + e           between the grade's own days of observation
    q(h)    = - sqrt( (b q_proxy(h))^2 + q_basis(h)^2 )      b = b0 + b1; haircut = 1 - exp(q)

The lagged term is for quotes that answer late (Dimson 1979, doi 10.1016/0304-405X(79)90013-8). Least squares with
weights 1 / days, since a variance grows with time. Basis and proxy are independent by construction, so their quantiles
add as roots of squares (docs/models/proxy-linked.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from valuation._typing import Dates, Float
from valuation.flags import QualityFlag
from valuation.haircuts.models.pooled import volatility_log_quantile
from valuation.haircuts.models.price_haircut import PriceHaircut, haircut
from valuation.haircuts.monitoring.model_monitor import UNWATCHED, Watch
from valuation.prices.cleaning import Cleaned, clean
from valuation.prices.returns import level_breaks

MODEL = "proxy-linked"
VERSION = "1"

LEAST_PAIRS = 12
"""Common moves below which a link is a guess: three degrees of freedom go to it, and nine are left for its basis."""

OLDEST_PROXY_DAYS = 5
"""Business days that a price of the proxy may be older than the grade's; a pair without one is left out."""

CHANCE_TREND = 0.5348
"""Mean of ln(1 + |t|) for a standard normal t: the trend that a walk without one shows."""

TERMS = 2
"""Coefficients of the regression."""


Parts = tuple[float, float, float, float, float, float]
NO_PARTS: Parts = (math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Link:
    """Coefficients on the proxy's move and the one before, daily standard deviation of the basis, and pairs used."""

    same: float
    lagged: float
    basis_volatility: float
    pairs: int
    explained: float

    @property
    def beta(self) -> float:
        """What of a move of the proxy arrives in the grade sooner or later."""
        return self.same + self.lagged

    def basis_log_quantile(self, horizon_days: int, tail: float) -> float:
        """Log return of the basis alone: the pool's tail of a series of that volatility, with the trend of chance.

        Widened as a Student law with the degrees of freedom that the fit has left is wider than the normal one.
        """
        if not self.basis_volatility:
            return 0.0
        widened = float(stdtrit(self.pairs - TERMS, tail) / ndtri(tail))
        return widened * volatility_log_quantile(self.basis_volatility, horizon_days, tail, trend=CHANCE_TREND)


@dataclass(frozen=True)
class LinkedHaircut:
    """Haircut of the grade with the two parts it is made of; NaN where there is no link or no opinion on the proxy.

    ``proxy_loss`` is that of beta times the proxy, ``basis_loss`` of the basis alone; shortfall and worst day lie
    beyond the loss as the proxy's do beyond its own. ``link`` is None where too few moves are common.
    """

    loss: float
    expected_shortfall: float
    path_minimum: float
    path_shortfall: float
    proxy_loss: float
    basis_loss: float
    class_floor: float
    daily_volatility: float
    link: Link | None
    proxy: PriceHaircut
    flags: QualityFlag
    model: str
    cleaned: Cleaned

    @property
    def has_opinion(self) -> bool:
        """Whether both the link and the proxy are known well enough."""
        return not np.isnan(self.loss)

    @property
    def observations(self) -> int:
        """Moves that the link rests on."""
        return self.link.pairs if self.link else 0

    @property
    def standard_error(self) -> float:
        """Nothing is simulated."""
        return 0.0

    @property
    def shortfall_error(self) -> float:
        """Nothing is simulated."""
        return 0.0

    @property
    def value_correction(self) -> float:
        """The grade's own quotes are not smoothed by assumption."""
        return 1.0

    @property
    def watch(self) -> Watch:
        """That of the proxy's haircut, whose multiplier is in the part that the grade shares with it."""
        return self.proxy.watch if self.has_opinion else UNWATCHED

    @property
    def fallen_back(self) -> str:
        """No other model speaks in its place."""
        return ""


def linked_haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    proxy_prices: ArrayLike,
    proxy_dates: ArrayLike,
    horizon_days: int,
    confidence: float = 0.99,
) -> LinkedHaircut:
    """The haircut of a grade's quotes [n] by those of a liquid proxy [k].

    Raises InvalidInput for a confidence outside (0.5, 1), a horizon under 1 day, or columns of different length.
    """
    grade = clean(np.asarray(dates, dtype="datetime64[D]"), np.asarray(prices, dtype=np.float64))
    proxy = haircut(proxy_prices, proxy_dates, horizon_days, confidence)
    link = fitted_link(grade, proxy.cleaned)
    speaks = link is not None and proxy.has_opinion
    parts = _parts(link, proxy, horizon_days, 1.0 - confidence) if link and speaks else NO_PARTS
    volatility = float(np.hypot(link.beta * proxy.daily_volatility, link.basis_volatility)) if link else float("nan")
    return LinkedHaircut(
        *parts,
        class_floor=proxy.class_floor,
        daily_volatility=volatility,
        link=link,
        proxy=proxy,
        flags=proxy.flags | (QualityFlag.NONE if speaks else _why_not(grade)),
        model=f"{MODEL}/{VERSION}",
        cleaned=grade,
    )


def _why_not(grade: Cleaned) -> QualityFlag:
    """What keeps a grade from being linked: quotes enough for it that do not move, or too few."""
    return QualityFlag.STALE_SERIES if len(grade.prices) > LEAST_PAIRS + TERMS else QualityFlag.SHORT_HISTORY


def _parts(link: Link, proxy: PriceHaircut, horizon_days: int, tail: float) -> Parts:
    """Loss, shortfall, the two at the worst day, and the losses of the shared part and of the basis alone."""
    at = float(np.log1p(-proxy.loss))
    shared, basis = link.beta * at, link.basis_log_quantile(horizon_days, tail)
    together = float(np.hypot(shared, basis))
    further = np.log1p([-proxy.expected_shortfall, -proxy.path_minimum, -proxy.path_shortfall]) / at
    losses = -np.expm1(-np.abs([together, *(together * further), shared, basis]))
    loss, shortfall, worst, worst_shortfall, of_proxy, of_basis = losses.tolist()
    return loss, shortfall, worst, worst_shortfall, of_proxy, of_basis


def fitted_link(grade: Cleaned, proxy: Cleaned) -> Link | None:
    """Weighted least squares between the grade's days since its last level break.

    None for fewer than ``LEAST_PAIRS`` common moves, or so few days on which the grade moved: a basis that was not seen
    is not one of nothing.
    """
    common, ours, theirs = _paired(grade, proxy)
    if len(common) < LEAST_PAIRS + TERMS:
        return None
    days = np.maximum(np.busday_count(common[1:-1], common[2:]), 1).astype(np.float64)
    moves, proxy_moves = np.diff(ours)[1:], np.diff(theirs)
    if np.count_nonzero(moves) < LEAST_PAIRS:
        return None
    weight = 1.0 / np.sqrt(days)
    columns = np.stack([proxy_moves[1:], proxy_moves[:-1]], axis=1) * weight[:, None]
    found, _, _, _ = np.linalg.lstsq(columns, moves * weight)
    left = moves * weight - columns @ found
    power, total = float(left @ left), float((moves * weight) @ (moves * weight))
    basis = float(np.sqrt(power / (len(moves) - TERMS)))
    return Link(float(found[0]), float(found[1]), basis, len(moves), 1.0 - power / total)


def _paired(grade: Cleaned, proxy: Cleaned) -> tuple[Dates, Float, Float]:
    """Days [m] of the grade with a price of the proxy young enough, and log prices of both, since the last break."""
    begin = max(_begin(grade), _begin(proxy))
    at = np.searchsorted(proxy.dates, grade.dates, side="right") - 1
    known = (at >= 0) & (grade.dates >= begin)
    known[known] = proxy.dates[at[known]] >= begin
    known[known] = np.busday_count(proxy.dates[at[known]], grade.dates[known]) <= OLDEST_PROXY_DAYS
    return grade.dates[known], np.log(grade.prices[known]), np.log(proxy.prices[at[known]])


def _begin(cleaned: Cleaned) -> np.datetime64:
    """The first day of the series as it is now: that of its last level break, else of its first quote."""
    broken = level_breaks(cleaned.log_returns)
    first = int(broken[-1]) + 1 if len(broken) else 0
    return np.datetime64(cleaned.dates[first]) if len(cleaned.dates) else np.datetime64("NaT")
