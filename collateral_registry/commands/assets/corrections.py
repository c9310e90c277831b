"""Corrects the identity or the owner of an asset, and keeps its former numbers reserved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collateral_registry.commands.assets.register import asset_in_use, write_asset
from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.commands.pipeline.stated_assets import checked_asset
from collateral_registry.domain.assets.identity import identity_changes, with_identity_of
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.references import Identity, IdentityKind, identities_of
from collateral_registry.store.assets.corrections import IdentityCorrection, insert_correction
from collateral_registry.store.assets.references import reserve_identities
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.engine.database import Write
from valuation.errors import InvalidInput


def correct_identity(
    write: Write, asset_id: str, etag: str, changed: Callable[[Asset], Asset], reason: str
) -> StoredAsset:
    """Corrects the identity or the owner of an asset, and opens a finding that records the correction.

    Other fields of the changed asset are ignored. Raises InvalidInput if the identity does not change, and Refused if
    another asset has a number of the new identity.
    """
    stored = asset_in_use(write, asset_id, etag)
    asset = with_identity_of(stored.asset, changed(stored.asset))
    changes = identity_changes(stored.asset, asset)
    if not changes:
        raise InvalidInput("update_mask", "no other identity", "fields that identify the asset, with other values")
    asset = checked_asset(write.connection, asset, stored.asset, write.market_day)
    updated = write_asset(write, stored, asset)
    reserve_identities(write.connection, stored.key, _former(stored.asset, asset))
    insert_correction(write, stored.key, updated.revision, IdentityCorrection(changes, reason, write.actor))
    open_findings(write, [_finding(write, stored, changes, reason)])
    write.touched.add(claims=[stored.key])
    return updated


def _former(before: Asset, after: Asset) -> list[Identity]:
    """Returns the numbers that an asset had and has no longer; bins are places and not numbers of the asset."""
    kept = {(one.kind, one.scope, one.writing.skeleton) for one in identities_of(after)}
    return [
        one
        for one in identities_of(before)
        if one.kind != IdentityKind.BIN and (one.kind, one.scope, one.writing.skeleton) not in kept
    ]


def _finding(write: Write, stored: StoredAsset, changes: Mapping[str, tuple[str, str]], reason: str) -> Finding:
    name = f"assets/{stored.asset.asset_id}"
    return Finding(
        kind=FindingKind.IDENTITY_CORRECTED,
        severity=Severity.WARNING,
        fingerprint=f"identity corrected {stored.key} {write.seq}",
        summary=f"{name}: the recorded {', '.join(changes)} was corrected"[:200],
        evidence={
            "asset": name,
            "reason": reason,
            "actor": write.actor,
            **{field: new for field, (_, new) in changes.items()},
            **{f"{field}_before": old for field, (old, _) in changes.items()},
        },
        asset_key=stored.key,
    )
