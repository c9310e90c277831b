"""Valuation of movable collateral: haircuts, price adjustments, forecasts, and values of machines and IP assets.

The functions below take scalars, lists, arrays and data frames, and return results that show themselves in a notebook.
They are imported on first access, so that ``import valuation`` stays fast. The models behind them are pure functions of
numpy arrays in the subpackages.

- ``haircut``: how much a price may fall until the proceeds of a sale arrive
- ``haircut_batch``: the same for many series, as a table
- ``backtest``: the haircuts of a series against what its price did afterwards
- ``price_adjustment``: how far a price that has risen counts
- ``forecast_price``: quantiles of a price at each step ahead
- ``machine_value``: a machine by age, condition and hours
- ``book_value``: a cost less depreciation
- ``ip_value``: an IP asset by relief from royalty
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valuation.errors import InvalidInput, MissingExtra
    from valuation.haircuts.models.price_haircut import HaircutModel
    from valuation.notebook.asset_functions import MachineFactors, book_value, ip_value, machine_value
    from valuation.notebook.price_functions import backtest, forecast_price, haircut, haircut_batch, price_adjustment

_MODULES = {
    "valuation.errors": ("InvalidInput", "MissingExtra"),
    "valuation.haircuts.models.price_haircut": ("HaircutModel",),
    "valuation.notebook.price_functions": (
        "backtest",
        "forecast_price",
        "haircut",
        "haircut_batch",
        "price_adjustment",
    ),
    "valuation.notebook.asset_functions": ("MachineFactors", "book_value", "ip_value", "machine_value"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "HaircutModel",
    "InvalidInput",
    "MachineFactors",
    "MissingExtra",
    "backtest",
    "book_value",
    "forecast_price",
    "haircut",
    "haircut_batch",
    "ip_value",
    "machine_value",
    "price_adjustment",
]


def __getattr__(name: str) -> object:
    """Imports a public name on first access; raises AttributeError for other names."""
    if name == "__version__":
        try:
            return version("collateral")
        except PackageNotFoundError:  # a copy of the source that is not installed
            return "0+unknown"
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Returns the public names."""
    return [*__all__, "__version__"]
