"""Valuation of movable collateral: pure functions of numpy arrays, usable without the service.

The entry points for notebooks are ``haircut(prices, dates, horizon_days, confidence)`` for one price series and
``haircut_batch(series, horizon_days, confidence)`` for many. They are imported on first access, so that ``import
valuation`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valuation.haircuts.models.price_haircut import HaircutModel, PriceHaircut, haircut, haircut_batch

__all__ = ["HaircutModel", "PriceHaircut", "haircut", "haircut_batch"]


def __getattr__(name: str) -> object:
    """Imports an entry point on first access; raises AttributeError for names outside ``__all__``."""
    if name in __all__:
        return getattr(import_module("valuation.haircuts.models.price_haircut"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
