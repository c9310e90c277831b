"""Value some assets anew and judge the loans that depend on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.pipeline.recompute import Recomputed, recompute
from collateral_registry.store.assets.repository import asset_keys
from collateral_registry.store.engine.database import Write


def revalue(write: Write, asset_ids: Sequence[str]) -> Recomputed:
    """Values the assets named and judges the loans that depend on them."""
    return recompute(write, assets=np.unique(asset_keys(write.connection, asset_ids)))
