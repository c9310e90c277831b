"""Valuation of movable collateral: pure functions of numpy arrays, usable alone.

The way in for a notebook: ``haircut(prices, dates, horizon_days, confidence)`` for one series of prices and
``haircut_batch(series, horizon_days, confidence)`` for many. They are fetched when they are first asked for, so that
``import valuation`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valuation.haircuts.models.price_haircut import HaircutModel, PriceHaircut, haircut, haircut_batch

__all__ = ["HaircutModel", "PriceHaircut", "haircut", "haircut_batch"]


def __getattr__(name: str) -> object:
    """One of the names above; raises AttributeError for any other."""
    if name in __all__:
        return getattr(import_module("valuation.haircuts.models.price_haircut"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
