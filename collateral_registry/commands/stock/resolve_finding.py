"""Resolves a finding by hand and removes the reserve that belongs to it."""

from __future__ import annotations

from collateral_registry.commands.pipeline.findings import resolve_finding
from collateral_registry.commands.stock.counts import lift_reserve
from collateral_registry.domain.findings.kinds import COUNT_KINDS
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import StoredFinding


def resolve(write: Write, key: int, note: str) -> StoredFinding:
    """Resolves an open finding with a reason.

    If a count reserved a quantity for the finding, that quantity counts again.
    """
    resolved = resolve_finding(write, key, note)
    if resolved.finding.kind in COUNT_KINDS and resolved.finding.lot_key:
        lift_reserve(write, resolved.finding.lot_key)
    return resolved
