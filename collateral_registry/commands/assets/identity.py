"""Keeps the identity of assets that are or were pledged."""

from __future__ import annotations

from collateral_registry.domain.assets.identity import identity_changes
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.assets.corrections import was_pledged
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.engine.database import Write


def check_identity_kept(write: Write, stored: StoredAsset, asset: Asset) -> None:
    """Raises Refused if the identity or the owner of an asset changes that is or was pledged.

    The thing that a loan relies on would have another name, and its old number would be free for a second pledge.
    """
    changes = identity_changes(stored.asset, asset)
    if not changes or not was_pledged(write.connection, stored.key):
        return
    fields = "; ".join(f"asset.{name}: got {new[:80]!r}, want {old[:80]!r}" for name, (old, new) in changes.items())
    name = f"assets/{asset.asset_id}"
    raise Refused(
        "IDENTITY_PLEDGED",
        f"{fields}: {name} is or was pledged; correct a wrong identity by CorrectAssetIdentity, or retire {name} and "
        "register the other asset",
        asset=name,
        fields=", ".join(changes),
    )
