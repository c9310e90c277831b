"""Functions about price series for notebooks: haircuts, backtests, forecasts and price adjustments."""

from __future__ import annotations

import numpy as np

from valuation._typing import Dates, Float
from valuation.errors import InvalidInput
from valuation.forecast import value as forecasts
from valuation.haircuts.backtesting.track_record import track_record, verdict
from valuation.haircuts.models import price_haircut
from valuation.haircuts.models.price_haircut import MODELS, HaircutModel
from valuation.haircuts.models.tier1 import seed_for
from valuation.notebook.price_input import PriceColumns, read_many, read_prices, read_single
from valuation.notebook.price_results import Backtest, Forecast, Haircut, HaircutTable, PriceAdjustment
from valuation.prices.cleaning import clean
from valuation.prices.price_adjustment import newest_adjustment, newest_quote


def haircut(
    prices: object,
    dates: object = None,
    horizon_days: int = 20,
    confidence: float = 0.99,
    *,
    model: str | HaircutModel = "auto",
    seed: int | None = None,
    series_column: str = "series",
    date_column: str = "date",
    price_column: str = "price",
) -> Haircut | HaircutTable:
    """Estimates how much a price may fall until the proceeds of a sale arrive.

    Args:
        prices: a pandas or polars Series or data frame, an Arrow table, a dict of series by name, or a list or array of
            prices with ``dates``. A data frame has one row a quote, with the price in ``price_column`` and the series
            in ``series_column`` if there are several, or one column a series.
        dates: the date of each price, unless the prices have an index or a column of dates.
        horizon_days: business days until the proceeds arrive, 1 to 2,500.
        confidence: probability that the loss does not exceed the haircut, more than 0.5 and less than 1.
        model: "auto" (pooled-scale), "ewma-fhs", "arithmetic" for prices that can be 0 or less, or "tier2".
        seed: seed of the models that simulate; by default of the name of the series, its newest date and the model, as
            on the command line.
        series_column: name of a data frame's column of series names.
        date_column: name of its column of dates.
        price_column: name of its column of prices.

    Returns:
        A Haircut for one series, and a HaircutTable for several. ``loss`` is NaN if the history does not support an
        estimate; ``applied`` is then the class floor.

    Raises:
        InvalidInput: names the argument, what it is, and what it should be.
        MissingExtra: "tier2" needs the extra of the same name.

    >>> import numpy as np, valuation
    >>> days = np.busday_offset("2020-01-01", np.arange(600), roll="forward")
    >>> prices = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 600)))
    >>> found = valuation.haircut(prices, days, horizon_days=20)
    >>> round(found.loss, 2), found.observations, found.model
    (0.16, 600, 'pooled-scale/2')
    >>> valuation.haircut({"metal": (prices, days), "short": (prices[:9], days[:9])})["short"].has_opinion
    False
    """
    found = read_prices("prices", prices, dates, PriceColumns(series_column, date_column, price_column))
    made = {
        name: _haircut(name, *quotes, horizon_days, confidence, model, seed) for name, quotes in found.series.items()
    }
    return HaircutTable(made) if found.many else next(iter(made.values()))


def haircut_batch(
    series: object,
    horizon_days: int = 20,
    confidence: float = 0.99,
    *,
    dates: object = None,
    model: str | HaircutModel = "auto",
    seed: int | None = None,
    series_column: str = "series",
    date_column: str = "date",
    price_column: str = "price",
) -> HaircutTable:
    """Estimates the haircut of each of many series, and returns a table.

    ``series`` is whatever ``haircut`` accepts as prices, or a list of Series or of pairs of prices and dates. The other
    arguments are those of ``haircut``.

    >>> import numpy as np, valuation
    >>> days = np.busday_offset("2020-01-01", np.arange(600), roll="forward")
    >>> steps = np.random.default_rng(1).normal(0, 0.01, 600)
    >>> calm, wild = 100 * np.exp(np.cumsum(steps)), 100 * np.exp(np.cumsum(3 * steps))
    >>> table = valuation.haircut_batch({"calm": (calm, days), "wild": (wild, days)})
    >>> [round(one, 2) for one in table.to_dict()["haircut"]]
    [0.16, 0.38]
    >>> table["calm"].loss < table["wild"].loss
    True
    """
    found = read_many("series", series, dates, PriceColumns(series_column, date_column, price_column))
    return HaircutTable({
        name: _haircut(name, *quotes, horizon_days, confidence, model, seed) for name, quotes in found.items()
    })  # fmt: skip


def backtest(
    prices: object,
    dates: object = None,
    horizon_days: int = 20,
    confidence: float = 0.99,
    *,
    model: str | HaircutModel = "auto",
    date_column: str = "date",
    price_column: str = "price",
) -> Backtest:
    """Compares the haircuts of one series with what its price did afterwards, in windows that do not overlap.

    The arguments are those of ``haircut`` for one series. The first window follows two years of history; figures that
    need more windows than there are, are NaN. ``verdict`` is the Basel traffic-light status. With fewer windows than
    1 / (1 - confidence) it is "not enough history", unless it is red.

    >>> import numpy as np, valuation
    >>> days = np.busday_offset("2012-01-02", np.arange(2600), roll="forward")
    >>> prices = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 2600)))
    >>> found = valuation.backtest(prices, days, horizon_days=20)
    >>> found.windows, found.exceedances, found.verdict
    (104, 1, 'green')
    """
    quotes, days = read_single("prices", prices, dates, PriceColumns(date=date_column, price=price_column))
    chosen = _model(model)
    if chosen is HaircutModel.ARITHMETIC:
        raise InvalidInput("model", repr(model), "a model of log returns: auto, ewma-fhs or tier2")
    record = track_record(days, quotes, horizon_days=horizon_days, confidence=confidence, model=chosen)
    return Backtest(**vars(verdict(record, confidence)), record=record, cleaned=clean(days, quotes))


def forecast_price(
    prices: object,
    dates: object = None,
    horizon_days: int = 60,
    *,
    model: str = "auto",
    seed: int = 0,
    date_column: str = "date",
    price_column: str = "price",
) -> Forecast:
    """Forecasts one series: quantiles of the price at each step ahead, and the value that a lender may rely on.

    ``model`` is "random-walk", "damped-ets", "arima", "sarimax", or "auto": the random walk unless another one was
    significantly better on the series' own past. ``fan`` has no columns if there are fewer than 60 prices or the price
    never moves; ``missing`` states which. The other arguments are those of ``haircut``. The first call imports
    statsmodels, which takes seconds.

    >>> import numpy as np, valuation
    >>> days = np.busday_offset("2020-01-01", np.arange(59), roll="forward")
    >>> found = valuation.forecast_price(np.linspace(100, 110, 59), days, horizon_days=20)
    >>> found.last_price, found.missing.name
    (110.0, 'SHORT_HISTORY')
    """
    require_seed(seed)
    quotes, days = read_single("prices", prices, dates, PriceColumns(date=date_column, price=price_column))
    return Forecast(**vars(forecasts.forecast(quotes, days, horizon_days, model=model, seed=seed)))


def price_adjustment(
    prices: object, dates: object = None, *, date_column: str = "date", price_column: str = "price"
) -> PriceAdjustment:
    """Returns how far the newest price counts: a rise counts only as far as earlier prices support it.

    The arguments are those of ``haircut`` for one series.

    >>> import numpy as np, valuation
    >>> days = np.busday_offset("2020-01-01", np.arange(300), roll="forward")
    >>> prices = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 300)))
    >>> prices[-1] *= 1.5
    >>> found = valuation.price_adjustment(prices, days)
    >>> round(found.factor, 2), found.price > found.supported_price
    (0.69, True)
    """
    quotes, days = read_single("prices", prices, dates, PriceColumns(date=date_column, price=price_column))
    cleaned = clean(days, quotes)
    row = newest_quote(days, quotes, cleaned)
    if row is None:
        return PriceAdjustment(*(float("nan"),) * 3, cleaned)
    factor, price = newest_adjustment(days, quotes, cleaned), float(quotes[row])
    return PriceAdjustment(factor, price, factor * price, cleaned)


def _haircut(
    name: str,
    quotes: Float,
    days: Dates,
    horizon_days: int,
    confidence: float,
    model: str | HaircutModel,
    seed: int | None,
) -> Haircut:
    chosen = _model(model)
    if seed is None:
        quoted = days[np.isfinite(quotes)]
        newest = quoted.max() if len(quoted) else np.datetime64("NaT", "D")
        seed = seed_for(name, newest, chosen.value)
    require_seed(seed)
    found = price_haircut.haircut(quotes, days, horizon_days, confidence, model=chosen, seed=seed)
    return Haircut(**vars(found))


def require_seed(seed: int) -> None:
    """Raises InvalidInput for a seed that is no whole number of 0 or more."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise InvalidInput("seed", repr(seed), "a whole number of 0 or more")


def _model(model: str | HaircutModel) -> HaircutModel:
    """Returns the model with a name; raises InvalidInput for an unknown one."""
    if isinstance(model, HaircutModel):
        return model
    if not isinstance(model, str) or model not in MODELS:
        raise InvalidInput("model", repr(model), ", ".join(MODELS))
    return MODELS[model]
