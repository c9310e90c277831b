"""Revalues assets and judges the loans that depend on them."""

from __future__ import annotations

from collections.abc import Sequence

from collateral_registry.commands.pipeline.recompute import Recomputed
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.store.assets.repository import asset_keys
from collateral_registry.store.engine.database import Write


def revalue(write: Write, asset_ids: Sequence[str]) -> Recomputed:
    """Values the named assets and judges the loans that depend on them; raises NotFound."""
    write.touched.add(assets=asset_keys(write.connection, asset_ids))
    return settle(write)
