"""Haircut of a rarely quoted grade, from a liquid proxy and a basis (the part that the proxy does not explain).

    r_grade = b0 r_proxy + b1 r_proxy(before) + e           between the grade's own quote dates
    q(h)    = - sqrt( (b q_proxy(h))^2 + q_basis(h)^2 )      b = b0 + b1; haircut = 1 - exp(q)

The lagged term captures quotes that react late (Dimson 1979, doi 10.1016/0304-405X(79)90013-8). The least-squares fit
has weights 1 / days, because variance grows with time. Basis and proxy are uncorrelated by construction, so their
quantiles combine as the root of the sum of squares (docs/models/proxy-linked.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from valuation._typing import Dates, Float
from valuation.flags import QualityFlag
from valuation.haircuts.models.own_history import floor_of_series
from valuation.haircuts.models.pooled import volatility_log_quantile
from valuation.haircuts.models.price_haircut import PriceHaircut, haircut
from valuation.haircuts.monitoring.model_monitor import UNWATCHED
from valuation.prices.cleaning import Cleaned, clean
from valuation.prices.price_adjustment import adjustment_flag, newest_adjustment
from valuation.prices.returns import level_breaks
from valuation.quotes import quote_columns

MODEL = "proxy-linked"
VERSION = "1"

MIN_PAIRS = 12
"""Fewest common moves for a link, so that enough degrees of freedom remain to estimate the basis."""

OLDEST_PROXY_DAYS = 5
"""Greatest age in business days of a proxy price on a date of the grade; dates without one are left out."""

CHANCE_TREND = 0.5348
"""Mean of ln(1 + |t|) for a standard normal t: the average trend term of a random walk without drift."""

TERMS = 2
"""Number of coefficients of the regression."""


Parts = tuple[float, float, float, float, float, float]
NO_PARTS: Parts = (math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Link:
    """Regression of the grade on its proxy.

    ``same`` and ``lagged`` are the coefficients of the proxy's moves in the same period and in the previous one.
    ``basis_volatility`` is the daily standard deviation of the residual. ``pairs`` is the number of moves used, and
    ``explained`` is the share of the variance that the proxy explains.
    """

    same: float
    lagged: float
    basis_volatility: float
    pairs: int
    explained: float

    @property
    def beta(self) -> float:
        """Total effect of a proxy move on the grade, immediate and lagged."""
        return self.same + self.lagged

    def basis_log_quantile(self, horizon_days: int, tail: float) -> float:
        """Returns the log-return quantile of the basis alone, from the pooled tail for the volatility of the basis.

        The quantile is widened, because the volatility is estimated from few moves. The factor is the Student quantile
        divided by the normal quantile, with the residual degrees of freedom of the regression.
        """
        if not self.basis_volatility:
            return 0.0
        widened = float(stdtrit(self.pairs - TERMS, tail) / ndtri(tail))
        return widened * volatility_log_quantile(self.basis_volatility, horizon_days, tail, trend=CHANCE_TREND)


@dataclass(frozen=True, kw_only=True)
class LinkedHaircut(PriceHaircut):
    """Haircut of the grade and its two parts; NaN without a link or without an estimate for the proxy.

    ``proxy_loss`` is the loss of beta times the proxy, and ``basis_loss`` is the loss of the basis alone. In logs, the
    shortfall and the worst-day loss are the same multiples of the loss as for the proxy. ``link`` is None if there are
    too few common moves; ``observations`` counts the moves used for it. Nothing is simulated, so the simulation errors
    are 0. ``watch`` is the monitoring result of the proxy's haircut. Its multiplier is included in ``proxy_loss``.
    """

    proxy_loss: float
    basis_loss: float
    link: Link | None
    proxy: PriceHaircut


PARTS = ("loss", "expected_shortfall", "path_minimum", "path_shortfall", "proxy_loss", "basis_loss")
"""Fields of a linked haircut in the order of ``Parts``."""


def linked_haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    proxy_prices: ArrayLike,
    proxy_dates: ArrayLike,
    horizon_days: int,
    confidence: float = 0.99,
) -> LinkedHaircut:
    """Computes the haircut of a grade from its own quotes [n] and the quotes [k] of a liquid proxy.

    Raises InvalidInput for a confidence outside (0.5, 1), a horizon below 1 day, or columns of different length.
    """
    quotes, days = quote_columns(prices, dates)
    grade = clean(days, quotes)
    proxy = haircut(proxy_prices, proxy_dates, horizon_days, confidence)
    link = fitted_link(grade, proxy.cleaned)
    usable = link is not None and proxy.has_opinion
    parts = _parts(link, proxy, horizon_days, 1.0 - confidence) if link and usable else NO_PARTS
    volatility = float(np.hypot(link.beta * proxy.daily_volatility, link.basis_volatility)) if link else float("nan")
    adjusted = newest_adjustment(days, quotes, grade)
    losses: dict[str, Any] = dict(zip(PARTS, parts, strict=True))
    return LinkedHaircut(
        **losses,
        standard_error=0.0,
        shortfall_error=0.0,
        hidden_gap=0.0,
        price_adjustment=adjusted,
        horizon_days=horizon_days,
        confidence=confidence,
        observations=link.pairs if link else 0,
        seed=0,
        watch=proxy.watch if usable else UNWATCHED,
        class_floor=floor_of_series(parts[0], grade.dates, grade.prices, horizon_days, confidence),
        daily_volatility=volatility,
        link=link,
        proxy=proxy,
        flags=(proxy.flags & ~QualityFlag.PRICE_ADJUSTED)
        | adjustment_flag(adjusted)
        | (QualityFlag.NONE if usable else _no_link_flag(grade)),
        model=f"{MODEL}/{VERSION}",
        cleaned=grade,
    )


def _no_link_flag(grade: Cleaned) -> QualityFlag:
    """Returns the flag that states why a grade has no link: its quotes rarely move, or there are too few of them."""
    return QualityFlag.STALE_SERIES if len(grade.prices) > MIN_PAIRS + TERMS else QualityFlag.SHORT_HISTORY


def _parts(link: Link, proxy: PriceHaircut, horizon_days: int, tail: float) -> Parts:
    """Returns loss and shortfall at the horizon and on the worst day, and the losses of shared part and basis."""
    proxy_log_loss = float(np.log1p(-proxy.loss))
    shared, basis = link.beta * proxy_log_loss, link.basis_log_quantile(horizon_days, tail)
    together = float(np.hypot(shared, basis))
    ratios = np.log1p([-proxy.expected_shortfall, -proxy.path_minimum, -proxy.path_shortfall]) / proxy_log_loss
    losses = -np.expm1(-np.abs([together, *(together * ratios), shared, basis]))
    loss, shortfall, worst, worst_shortfall, of_proxy, of_basis = losses.tolist()
    return loss, shortfall, worst, worst_shortfall, of_proxy, of_basis


def fitted_link(grade: Cleaned, proxy: Cleaned) -> Link | None:
    """Fits the link by weighted least squares on moves between the grade's dates since its last level break.

    The result is None if fewer than ``MIN_PAIRS`` moves are common to both, or if the grade itself moved fewer times
    than that. A basis that cannot be observed must not be estimated as 0.
    """
    common, grade_logs, proxy_logs = _paired(grade, proxy)
    if len(common) < MIN_PAIRS + TERMS:
        return None
    days = np.maximum(np.busday_count(common[1:-1], common[2:]), 1).astype(np.float64)
    moves, proxy_moves = np.diff(grade_logs)[1:], np.diff(proxy_logs)
    if np.count_nonzero(moves) < MIN_PAIRS:
        return None
    weight = 1.0 / np.sqrt(days)
    columns = np.stack([proxy_moves[1:], proxy_moves[:-1]], axis=1) * weight[:, None]
    coefficients, _, _, _ = np.linalg.lstsq(columns, moves * weight)
    residual = moves * weight - columns @ coefficients
    power, total = float(residual @ residual), float((moves * weight) @ (moves * weight))
    basis = float(np.sqrt(power / (len(moves) - TERMS)))
    return Link(float(coefficients[0]), float(coefficients[1]), basis, len(moves), 1.0 - power / total)


def _paired(grade: Cleaned, proxy: Cleaned) -> tuple[Dates, Float, Float]:
    """Returns dates [m] of the grade and the log prices of grade and proxy on these dates.

    The dates follow all level breaks of both series and have a recent proxy price.
    """
    begin = max(_first_day(grade), _first_day(proxy))
    at = np.searchsorted(proxy.dates, grade.dates, side="right") - 1
    known = (at >= 0) & (grade.dates >= begin)
    known[known] = proxy.dates[at[known]] >= begin
    known[known] = np.busday_count(proxy.dates[at[known]], grade.dates[known]) <= OLDEST_PROXY_DAYS
    return grade.dates[known], np.log(grade.prices[known]), np.log(proxy.prices[at[known]])


def _first_day(cleaned: Cleaned) -> np.datetime64:
    """Returns the day of the first quote after the last level break, or else of the first quote; NaT without quotes."""
    broken = level_breaks(cleaned.log_returns)
    first = int(broken[-1]) + 1 if len(broken) else 0
    return np.datetime64(cleaned.dates[first]) if len(cleaned.dates) else np.datetime64("NaT")
