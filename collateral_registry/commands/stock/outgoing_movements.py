"""Goods that left pledged lots: held against the authorisations, told where they had none, and counted anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR

import numpy as np

from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import converted, plain_quantity
from collateral_registry.domain.loans.pickups import PickupState
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.units import alike
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pickups import StoredPickup, pickups_of, update_pickup
from collateral_registry.store.stock.claims_by_place import (
    claimed_among,
    places_of_assets,
    places_of_lots,
    reduce_declared,
)
from collateral_registry.store.stock.outgoing_movements import (
    Issue,
    IssueTotal,
    PledgedLot,
    pledged_lots,
    unprocessed_issue_totals,
    unprocessed_issues,
)
from valuation._typing import Int

DAY_US = 86_400_000_000


def touch_moved_lots(write: Write, lot_keys: Int) -> None:
    """Applies the issues of synced lots to the pick-up authorisations and declares the lots' places for reconciliation.

    To be called after the assets of the lots have their new quantities.
    """
    touched, findings = _hold_issues(write, pledged_lots(write.connection, lot_keys))
    moved = {*places_of_lots(write.connection, lot_keys).values()}
    places = claimed_among(write.connection, moved)
    if len(touched):
        places |= {*places_of_assets(write.connection, touched)}
    write.touched.add(assets=touched, places=places)
    open_findings(write, findings)


def _hold_issues(write: Write, lots: Sequence[PledgedLot]) -> tuple[Int, list[Finding]]:
    """The assets of which something left, and a finding for each lot that more left than was authorised."""
    if not lots:
        return np.zeros(0, dtype=np.int64), []
    standing = pickups_of(write.connection, np.array(sorted(lot.asset_key for lot in lots), dtype=np.int64))
    left = unprocessed_issue_totals(write, [lot for lot in lots if lot.asset_key not in standing])
    findings = [_finding(one, one.quantity) for one in left]
    authorised = [lot for lot in lots if lot.asset_key in standing]
    issues = unprocessed_issues(write, authorised) if authorised else []
    beyond: dict[int, list[tuple[PledgedLot, Issue, int]]] = {}
    for lot, issue in issues:
        quantity = _held_against_pickups(write, lot, issue, standing[lot.asset_key])
        if quantity:
            beyond.setdefault(lot.key, []).append((lot, issue, quantity))
    findings += [_finding(_summed(found), sum(quantity for *_, quantity in found)) for found in beyond.values()]
    touched = {one.lot.asset_key for one in left} | {lot.asset_key for lot, _ in issues}
    return np.array(sorted(touched), dtype=np.int64), findings


def _held_against_pickups(write: Write, lot: PledgedLot, issue: Issue, standing: list[StoredPickup]) -> int:
    """Uses up the authorisations of the asset that the issue falls under; returns what was issued beyond them.

    Authorisations are in the unit of the asset, the issue and what is returned in that of the feed.
    """
    rest, day, lowered = issue.quantity, issue.effective_us // DAY_US, 0
    for at, row in enumerate(standing):
        unit = row.pickup.unit
        if not alike(unit, lot.unit) or date_at(day) > row.pickup.expire:
            continue
        left = converted(rest, lot.unit, unit, ROUND_CEILING)
        part = min(left, row.pickup.untaken)
        if not part:
            continue
        taken = row.pickup.taken + part
        state = PickupState.TAKEN if taken == row.pickup.quantity else row.pickup.state
        standing[at] = update_pickup(write, row, replace(row.pickup, taken=taken, state=state))
        rest = rest - converted(part, unit, lot.unit, ROUND_FLOOR) if part < left else 0
        lowered += part
    if lowered:
        reduce_declared(write, lot.asset_key, lowered)
    return rest


def _summed(found: Sequence[tuple[PledgedLot, Issue, int]]) -> IssueTotal:
    issues = [issue for _, issue, _ in found]
    times = [issue.effective_us for issue in issues]
    quantity = sum(issue.quantity for issue in issues)
    return IssueTotal(found[0][0], len(issues), quantity, issues[0], issues[-1], min(times), max(times))


def _finding(left: IssueTotal, unauthorised: int) -> Finding:
    """That more left a lot than was authorised, by one movement or by several."""
    lot, beyond = left.lot, plain_quantity(unauthorised, left.lot.unit)
    days = [date_at(time_us // DAY_US).isoformat() for time_us in (left.earliest_us, left.latest_us)]
    return Finding(
        kind=FindingKind.UNAUTHORISED_ISSUE,
        severity=Severity.CRITICAL,
        fingerprint=f"unauthorised issue {left.first.movement_key}",
        summary=f"{beyond} left lot {lot.lot} in warehouse {lot.warehouse} without authorisation"[:200],
        evidence={
            "movement": _from_to(left.first.movement_id, left.last.movement_id),
            "movements": str(left.movements),
            "document": _from_to(left.first.document, left.last.document),
            "left": plain_quantity(left.quantity, lot.unit),
            "authorised": plain_quantity(left.quantity - unauthorised, lot.unit),
            "unauthorised": beyond,
            "warehouse": lot.warehouse,
            "lot": lot.lot,
            "date": _from_to(*days),
            "asset": f"assets/{lot.asset_id}",
        },
        asset_key=lot.asset_key,
        warehouse=lot.warehouse,
        lot_key=lot.key,
    )


def _from_to(first: str, last: str) -> str:
    """Both, or the one where they are the same or one is not stated."""
    return " to ".join(dict.fromkeys(one for one in (first, last) if one))
