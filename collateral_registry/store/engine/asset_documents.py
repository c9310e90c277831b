"""Reads stored documents of assets. Those of earlier versions may hold a spelling in place of the name of a unit."""

from __future__ import annotations

from dataclasses import replace

from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.shared.units import recorded_unit
from collateral_registry.store.engine.json_documents import from_document


def asset_from_document(document: str) -> Asset:
    """Returns the asset in a document, with the name of its unit."""
    asset = from_document(Asset, document)
    lot = asset.detail
    if not isinstance(lot, Inventory):
        return asset
    unit = recorded_unit(lot.unit, lot.good, asset.asset_class)
    return asset if unit == lot.unit else replace(asset, detail=replace(lot, unit=unit))
