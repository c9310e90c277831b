"""Results about price series: haircuts, tables of haircuts, backtests, forecasts and price adjustments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from valuation.forecast.value import QUANTILES, ValueForecast
from valuation.haircuts.backtesting.track_record import BacktestVerdict, TrackRecord
from valuation.haircuts.models.price_haircut import PriceHaircut
from valuation.notebook.pictures import draw_bars, draw_forecast, draw_level, draw_prices, draw_record
from valuation.notebook.result import (
    Result,
    day_text,
    defects_of,
    flag_names,
    new_axes,
    newest_day,
    number,
    numbers_of,
)
from valuation.prices.cleaning import Cleaned
from valuation.result_table import ResultTable

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

QUANTILE_NAMES = tuple(f"p{100 * level:02.0f}" for level in QUANTILES)
"""Names of the quantiles of a forecast, p05 to p95."""


@dataclass(frozen=True, repr=False)
class Haircut(Result, PriceHaircut):
    """The haircut of one series.

    ``loss`` is the haircut, NaN if the history does not support an estimate; ``applied`` is then the class floor.
    """

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values; None where there is no estimate."""
        return {
            "haircut": number(self.loss),
            **numbers_of(self, "expected_shortfall", "class_floor"),
            "horizon_days": int(self.horizon_days),
            "confidence": float(self.confidence),
            **numbers_of(self, "price_adjustment", "daily_volatility"),
            "date": newest_day(self.cleaned),
            "observations": self.observations,
            "model": self.model,
            "flags": flag_names(self.flags),
            "defects": defects_of(self.cleaned),
        }

    @property
    def applied(self) -> float:
        """The haircut to use: the estimate, or the class floor if there is none."""
        return self.loss if self.has_opinion else self.class_floor

    def _draw(self, axes: Axes) -> None:
        """Draws the newest prices and the price after the haircut, or after the class floor without an estimate."""
        if len(self.cleaned.prices):
            name = "haircut" if self.has_opinion else "class floor"
            label = f"{name} {self.applied:.1%}: {self.horizon_days} days at {self.confidence:.2%}"
            draw_level(axes, self.cleaned, float(self.cleaned.prices[-1]) * (1.0 - self.applied), label)


class HaircutTable(ResultTable):
    """The haircuts of several series, one row each; ``table["copper"]`` and ``table[0]`` return a single one.

    ``keys()`` returns the names and ``values()`` the haircuts. The table is no iterable of names, because
    ``pandas.DataFrame(table)`` would then be a column of names.
    """

    def __init__(self, haircuts: Mapping[str, Haircut]) -> None:
        self._haircuts = dict(haircuts)
        super().__init__(_arrow_rows(self._haircuts))

    def __getitem__(self, key: str | int) -> Haircut:
        """Returns the haircut of a series by its name or its position."""
        return self._haircuts[key] if isinstance(key, str) else self.values()[key]

    def __contains__(self, name: object) -> bool:
        """Returns whether a series has the name."""
        return name in self._haircuts

    def keys(self) -> list[str]:
        """Returns the names of the series."""
        return list(self._haircuts)

    def values(self) -> list[Haircut]:
        """Returns the haircuts in the order of the names."""
        return list(self._haircuts.values())

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draws a bar for each series, the class floor in grey without an estimate; raises MissingExtra."""
        axes = axes if axes is not None else new_axes()
        draw_bars(axes, {name: (found.applied, found.has_opinion) for name, found in self._haircuts.items()})
        return axes


def _arrow_rows(haircuts: Mapping[str, Haircut]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - only tables need it

    numbers = [(name, pa.float64()) for name in ("haircut", "expected_shortfall", "class_floor")]
    schema = pa.schema([
        ("series", pa.string()), *numbers, ("horizon_days", pa.int32()), ("confidence", pa.float64()),
        ("price_adjustment", pa.float64()), ("daily_volatility", pa.float64()), ("date", pa.date32()),
        ("observations", pa.int32()), ("model", pa.string()), ("flags", pa.list_(pa.string())),
        ("defects", pa.list_(pa.string())),
    ])  # fmt: skip
    rows = []
    for name, found in haircuts.items():
        figures = found.to_dict()
        newest = found.cleaned.dates[-1].item() if len(found.cleaned.dates) else None
        rows.append({"series": name, **figures, "date": newest, "defects": list(figures["defects"])})
    return pa.Table.from_pylist(rows, schema)


@dataclass(frozen=True, repr=False)
class PriceAdjustment(Result):
    """How far the newest price counts: ``factor`` is at most 1, and ``supported_price`` is the price that counts.

    All figures are NaN if no price is positive.
    """

    factor: float
    price: float
    supported_price: float
    cleaned: Cleaned

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values."""
        figures = numbers_of(self, "factor", "price", "supported_price")
        return {**figures, "date": newest_day(self.cleaned), "defects": defects_of(self.cleaned)}

    def _draw(self, axes: Axes) -> None:
        """Draws the newest prices and the price that counts."""
        draw_level(axes, self.cleaned, self.supported_price, f"supported price, factor {self.factor:.3f}")


@dataclass(frozen=True, repr=False)
class Backtest(Result, BacktestVerdict):
    """The backtest of a haircut model on one series, with the record of every window."""

    record: TrackRecord
    cleaned: Cleaned

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values; None where the history is too short for a test."""
        tests = ("kupiec_p", "independence_p", "coverage_p")
        scores = (
            "shortfall_z2",
            "shortfall_z2_critical",
            "pinball",
            "pinball_normal",
            "pinball_historical",
            "better_than_normal_p",
        )
        return {
            "verdict": self.verdict,
            "windows": self.windows,
            "windows_needed": self.windows_needed,
            "exceedances": self.exceedances,
            "expected": float(self.expected),
            "light": self.light,
            "shortfall_verdict": self.shortfall_verdict,
            **numbers_of(self, *tests, *scores, "mean_haircut"),
            "without_opinion": self.without_opinion,
            "across_breaks": self.across_breaks,
        }

    def _draw(self, axes: Axes) -> None:
        """Draws the price, the forecast of the lowest price in each window, and the exceedances."""
        draw_record(axes, self.cleaned, self.record)


@dataclass(frozen=True, repr=False)
class Forecast(Result, ValueForecast):
    """Quantiles of the price at each step ahead; no steps if the history does not support a forecast."""

    @property
    def has_forecast(self) -> bool:
        """Whether the history is sufficient and the price moves."""
        return bool(self.fan.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures as plain Python values: one list entry for each step ahead."""
        return {
            "date": day_text(self.date),
            "last_price": float(self.last_price),
            "model": self.selection.model if self.has_forecast else None,
            "unknown_reasons": [self.missing.name] if self.missing else [],
            "observations": self.observations,
            "horizon_days": self.horizon_days.tolist(),
            "target_dates": [day_text(day) for day in self.dates_ahead],
            **{name: row.tolist() for name, row in zip(QUANTILE_NAMES, self.fan, strict=True)},
            "lendable": self.lendable.tolist(),
            "defects": defects_of(self.cleaned),
        }

    def _figures(self) -> dict[str, Any]:
        """Returns the figures with the last step in place of all of them."""
        figures = self.to_dict()
        per_step = ("horizon_days", "target_dates", *QUANTILE_NAMES, "lendable")
        last = {name: figures[name][-1] for name in per_step} if self.has_forecast else dict.fromkeys(per_step)
        return {**figures, **last}

    def _draw(self, axes: Axes) -> None:
        """Draws the prices of the last year and the forecast quantiles."""
        if self.has_forecast:
            draw_forecast(axes, self)
        else:
            draw_prices(axes, self.cleaned)
