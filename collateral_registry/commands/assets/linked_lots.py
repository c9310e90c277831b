"""Keeps a lot with goods of a pledged asset from being registered as another asset."""

from __future__ import annotations

import numpy as np

from collateral_registry.commands.stock.sync_lots import sync_lots_of
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.reference_matching import ReferenceNumber
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import active_pledges_on
from collateral_registry.store.stock.claims_by_place import assets_at
from collateral_registry.store.stock.lot_links import delete_links_of_asset, delete_links_to_lot, links_at
from collateral_registry.store.stock.pending_lots import key_of_lot, queue_lots


def claim_lot(write: Write, asset: Asset, asset_key: int = 0) -> None:
    """Makes the lot of an asset its own, before the asset is registered or registered as another lot.

    Raises Refused if the lot holds goods that a split or a merge took from the lot of another asset under a pledge.
    Goods of an asset that is not pledged become goods of this asset.
    """
    lot = asset.detail
    if not isinstance(lot, Inventory):
        return
    if asset_key:
        delete_links_of_asset(write, asset_key)
    place, key = folded(lot.warehouse), key_of_lot(write.connection, lot)
    if key is not None:
        others = assets_at(write.connection, (place, lot.good))
        sync_lots_of(write, others[others != asset_key])
    number = ReferenceNumber(lot.lot).skeleton
    for link, name, holder in links_at(write.connection, place, lot.good):
        if link.asset_key == asset_key or ReferenceNumber(name).skeleton != number:
            continue
        loans = [f"loans/{row.pledge.loan_id}" for row in active_pledges_on(write.connection, link.asset_key)]
        if loans:
            raise Refused(
                "DOUBLE_PLEDGE",
                f"lot {lot.lot} of assets/{asset.asset_id} holds goods of assets/{holder}, which a split or a merge "
                f"brought to lot {name} and which are pledged to {', '.join(loans)}",
                field="inventory.lot",
                value=lot.lot,
                other_value=name,
                other_asset=f"assets/{holder}",
                holder=", ".join(loans),
            )
        if link.lot_key == key:
            delete_links_to_lot(write, link.lot_key)
            queue_lots(write, np.array([link.own_key], dtype=np.int64))
