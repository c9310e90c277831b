"""Quantiles of other models: arch, statsforecast, normal with EWMA variance, and historical simulation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from arch.univariate import ARX, GARCH, SkewStudent
from scipy.special import ndtri
from statsforecast.garch import garch_model

from valuation._typing import Float

WINDOW = 1500
REFIT_DAYS = 60
PATHS = 10_000
BURN_IN = 50
PERCENT = 100.0
LARGEST_AUTOREGRESSION = 0.5
LARGEST_PERSISTENCE = 0.9999

NAMES = ("arch AR-GJR skew-t FHS", "statsforecast GARCH", "EWMA 0.97 normal", "historical simulation 1500")


@dataclass
class Others:
    """Other models, which are fitted again every REFIT_DAYS, and the seconds of each fit."""

    gjr: tuple[float, ...] | None = None
    garch: tuple[float, float, float] | None = None
    fitted_at: int = -REFIT_DAYS
    arch_seconds: list[float] = field(default_factory=list)
    statsforecast_seconds: list[float] = field(default_factory=list)

    def quantiles(self, returns: Float, horizons: tuple[int, ...], tail: float, seed: int) -> dict[str, Float]:
        """Returns log quantiles [H] of each model after the last return."""
        window = returns[-WINDOW:] * PERCENT
        if len(returns) - self.fitted_at >= REFIT_DAYS:
            self._fit(window)
            self.fitted_at = len(returns)
        made = (
            self._simulated(window, horizons, tail, seed),
            self._garch_normal(window, horizons, tail),
            _ewma_normal(window, horizons, tail),
            _historical(window, horizons, tail),
        )
        return {name: column / PERCENT for name, column in zip(NAMES, made, strict=True)}

    def _fit(self, window: Float) -> None:
        begun = time.perf_counter()
        model = ARX(
            window, lags=1, constant=False, volatility=GARCH(1, 1, 1), distribution=SkewStudent(), rescale=False
        )
        fit = model.fit(disp="off", show_warning=False)
        self.arch_seconds.append(time.perf_counter() - begun)
        phi, omega, alpha, gamma, beta = fit.params.to_numpy()[:5].tolist()
        steady = alpha + gamma / 2.0 + beta < LARGEST_PERSISTENCE and abs(phi) < LARGEST_AUTOREGRESSION
        if fit.convergence_flag == 0 and steady:
            self.gjr = (phi, omega, alpha, gamma, beta)
        begun = time.perf_counter()
        self.garch = tuple(garch_model(window, 1, 1)["coeff"][:3].tolist())
        self.statsforecast_seconds.append(time.perf_counter() - begun)

    def _simulated(self, window: Float, horizons: tuple[int, ...], tail: float, seed: int) -> Float:
        """Simulates the GJR fit with centred historical residuals; typical parameters replace a missing valid fit."""
        phi, omega, alpha, gamma, beta = self.gjr or (0.0, 0.03 * float(window.var()), 0.06, 0.02, 0.9)
        shocks = window[1:] - phi * window[:-1]
        variance = np.empty(len(shocks) + 1)
        variance[0] = now = float(np.mean(shocks**2))
        for row, shock in enumerate(shocks.tolist(), start=1):
            variance[row] = now = omega + (alpha + gamma * (shock < 0.0)) * shock * shock + beta * now
        residuals = (shocks / np.sqrt(variance[:-1]))[BURN_IN:]
        residuals -= residuals.mean()
        generator = np.random.default_rng(seed)
        spread, last = np.full(PATHS, now), np.full(PATHS, window[-1])
        total, found = np.zeros(PATHS), {}
        for step in range(1, max(horizons) + 1):
            shock = np.sqrt(spread) * residuals[generator.integers(0, len(residuals), PATHS)]
            last = phi * last + shock
            total += last
            spread = omega + (alpha + gamma * (shock < 0.0)) * shock * shock + beta * spread
            if step in horizons:
                found[step] = float(np.quantile(total, tail))
        return np.array([found[horizon] for horizon in horizons])

    def _garch_normal(self, window: Float, horizons: tuple[int, ...], tail: float) -> Float:
        omega, alpha, beta = self.garch or (0.0, 0.0, 0.0)
        now = float(np.mean(window**2))
        for move in window.tolist():
            now = omega + alpha * move * move + beta * now
        variances = np.empty(max(horizons))
        for step in range(max(horizons)):
            variances[step] = now
            now = omega + (alpha + beta) * now
        return np.asarray(ndtri(tail) * np.sqrt(np.cumsum(variances)[np.array(horizons) - 1]))


def _ewma_normal(window: Float, horizons: tuple[int, ...], tail: float) -> Float:
    weights = 0.97 ** np.arange(len(window) - 1, -1, -1)
    variance = float(weights @ window**2 / weights.sum())
    return np.asarray(ndtri(tail) * np.sqrt(variance * np.array(horizons)))


def _historical(window: Float, horizons: tuple[int, ...], tail: float) -> Float:
    level = np.concatenate([[0.0], np.cumsum(window)])
    quantiles: list[Any] = [np.quantile(level[horizon:] - level[:-horizon], tail) for horizon in horizons]
    return np.array(quantiles)
