"""Value some assets anew and judge the loans that depend on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.recompute import Recomputed, recompute
from collateral_registry.store.assets import asset_keys
from collateral_registry.store.database import Write


def revalue(write: Write, asset_ids: Sequence[str]) -> Recomputed:
    """Values the assets named and judges the loans that depend on them."""
    return recompute(write, assets=np.unique(asset_keys(write.connection, asset_ids)))
