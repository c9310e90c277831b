"""Value the whole book or some assets, and move to another business date: the same path with more keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.recompute import Recomputed, recompute
from collateral_registry.store.assets import asset_keys
from collateral_registry.store.database import Write


def revalue(write: Write, asset_ids: Sequence[str] = ()) -> Recomputed:
    """Values the assets named, or the whole book, and judges the loans that depend on them."""
    keys = np.unique(asset_keys(write.connection, asset_ids)) if asset_ids else None
    return recompute(write, assets=keys)
