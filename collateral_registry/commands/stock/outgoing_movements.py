"""Compares goods that left pledged lots with pick-up authorisations, and opens findings for unauthorised issues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR
from heapq import heappop, heappush

import numpy as np

from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import converted, plain_quantity
from collateral_registry.domain.loans.pickups import PickupState
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.units import alike
from collateral_registry.domain.stock.holdings import NO_HOLDINGS, Holdings, LotLink
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pickups import StoredPickup, pickups_of, update_pickup
from collateral_registry.store.stock.claims_by_place import (
    claimed_among,
    places_of_assets,
    places_of_lots,
    reduce_declared,
)
from collateral_registry.store.stock.lot_links import insert_links, links_of_lots
from collateral_registry.store.stock.outgoing_movements import (
    Issue,
    IssueTotal,
    PledgedLot,
    pledged_lots,
    unprocessed_issue_totals,
    unprocessed_issues,
    unprocessed_moves,
)
from valuation._typing import Int

DAY_US = 86_400_000_000


def link_moved_goods(write: Write, lot_keys: Int) -> Int:
    """Links lots of the same warehouse to which splits and merges brought goods of pledged assets; returns the lots.

    If a lot holds goods of several pledged assets, nothing shows whose goods were moved: they leave the pledges.
    """
    lots = pledged_lots(write.connection, lot_keys)
    moves = unprocessed_moves(write, lots) if lots else []
    found = {(lot.key, lot.asset_key): lot for lot in lots}
    linked: set[int] = set()
    while moves:
        # In the order of the movements, because an earlier one may have brought goods of another asset to the lot.
        move = heappop(moves)
        source = found[move.lot_key, move.asset_key]
        if move.to_lot_key == source.own_key or sum(key == move.lot_key for key, _ in found) > 1:
            continue
        target = np.array([move.to_lot_key], dtype=np.int64)
        if any(link.asset_key == move.asset_key for link in links_of_lots(write.connection, target)):
            continue
        # The movement that brought the goods is itself no issue of the lot that they came to.
        insert_links(write, [LotLink(move.to_lot_key, move.asset_key, source.own_key, move.movement_key)])
        linked.add(move.to_lot_key)
        new = {(lot.key, lot.asset_key): lot for lot in pledged_lots(write.connection, target)}
        for further in unprocessed_moves(write, [lot for key, lot in new.items() if key not in found]):
            heappush(moves, further)
        found |= new
    return np.array(sorted(linked), dtype=np.int64)


def touch_moved_lots(write: Write, lot_keys: Int, held: Holdings = NO_HOLDINGS) -> None:
    """Applies the issues of synced lots to their authorisations and marks the lots' places for reconciliation.

    Call it after the assets of the lots have received their new quantities. ``held`` is what the assets have that share
    these lots.
    """
    touched, findings = _apply_issues(write, pledged_lots(write.connection, lot_keys), held)
    places_of_moved = {*places_of_lots(write.connection, lot_keys).values()}
    places = claimed_among(write.connection, places_of_moved)
    if len(touched):
        places |= {*places_of_assets(write.connection, touched)}
    write.touched.add(assets=touched, places=places)
    open_findings(write, findings)


def _apply_issues(write: Write, lots: Sequence[PledgedLot], held: Holdings) -> tuple[Int, list[Finding]]:
    """Returns the assets whose goods were issued, and a finding for each lot with issues beyond its authorisations."""
    if not lots:
        return np.zeros(0, dtype=np.int64), []
    pickups = pickups_of(write.connection, np.array(sorted({lot.asset_key for lot in lots}), dtype=np.int64))
    # All assets of a lot are processed together, because the lot has one watermark.
    single = {lot.key for lot in lots if lot.asset_key in pickups or lot.is_linked}
    totals = unprocessed_issue_totals(write, [lot for lot in lots if lot.key not in single])
    findings = [_finding(one, one.quantity) for one in totals]
    one_by_one = [lot for lot in lots if lot.key in single]
    issues = _of_assets(unprocessed_issues(write, one_by_one) if one_by_one else [], held)
    beyond: dict[tuple[int, int], list[tuple[PledgedLot, Issue, int]]] = {}
    for lot, issue in issues:
        quantity = _apply_to_pickups(write, lot, issue, pickups.get(lot.asset_key, []))
        if quantity:
            beyond.setdefault((lot.key, lot.asset_key), []).append((lot, issue, quantity))
    findings += [_finding(_total_of(found), sum(quantity for *_, quantity in found)) for found in beyond.values()]
    touched = {one.lot.asset_key for one in totals} | {lot.asset_key for lot, _ in issues}
    return np.array(sorted(touched), dtype=np.int64), findings


def _of_assets(issues: Sequence[tuple[PledgedLot, Issue]], held: Holdings) -> list[tuple[PledgedLot, Issue]]:
    """Returns the issues reduced to the goods of the asset.

    In a lot that an asset is linked to, other goods leave first: the asset lost only what it brought and is not there.
    """
    issued: dict[tuple[int, int], int] = {}
    for lot, issue in issues:
        issued[lot.key, lot.asset_key] = issued.get((lot.key, lot.asset_key), 0) + issue.quantity
    others = {
        (lot.key, lot.asset_key): max(
            lot.quantity + issued[lot.key, lot.asset_key] - held.brought.get((lot.asset_key, lot.key), 0), 0
        )
        for lot, _ in issues
        if lot.is_linked
    }
    found = []
    for lot, issue in issues:
        of_others = min(others.get((lot.key, lot.asset_key), 0), issue.quantity)
        if of_others:
            others[lot.key, lot.asset_key] -= of_others
        if of_others < issue.quantity:
            found.append((lot, replace(issue, quantity=issue.quantity - of_others)))
    return found


def _apply_to_pickups(write: Write, lot: PledgedLot, issue: Issue, pickups: list[StoredPickup]) -> int:
    """Uses up the asset's authorisations that cover the issue. Returns the issued quantity that they do not cover.

    Authorisations are in the unit of the asset. The issue and the result are in the unit of the feed.
    """
    rest, day, reduction = issue.quantity, issue.effective_us // DAY_US, 0
    for at, row in enumerate(pickups):
        unit = row.pickup.unit
        if not alike(unit, lot.unit) or date_at(day) > row.pickup.expire:
            continue
        open_quantity = converted(rest, lot.unit, unit, ROUND_CEILING)
        part = min(open_quantity, row.pickup.untaken)
        if not part:
            continue
        taken = row.pickup.taken + part
        state = PickupState.TAKEN if taken == row.pickup.quantity else row.pickup.state
        pickups[at] = update_pickup(write, row, replace(row.pickup, taken=taken, state=state))
        # An authorisation that covers all of it leaves no rest from rounding between the units.
        rest = rest - converted(part, unit, lot.unit, ROUND_FLOOR) if part < open_quantity else 0
        reduction += part
    if reduction:
        reduce_declared(write, lot.asset_key, reduction)
    return rest


def _total_of(found: Sequence[tuple[PledgedLot, Issue, int]]) -> IssueTotal:
    """Sums the unauthorised issues of one lot, in the order of their movements."""
    issues = [issue for _, issue, _ in found]
    times = [issue.effective_us for issue in issues]
    quantity = sum(issue.quantity for issue in issues)
    return IssueTotal(found[0][0], len(issues), quantity, issues[0], issues[-1], min(times), max(times))


def _finding(total: IssueTotal, unauthorised: int) -> Finding:
    """Builds the finding for goods issued beyond their authorisations by one or more movements."""
    lot, beyond = total.lot, plain_quantity(unauthorised, total.lot.unit)
    days = [date_at(time_us // DAY_US).isoformat() for time_us in (total.earliest_us, total.latest_us)]
    return Finding(
        kind=FindingKind.UNAUTHORISED_ISSUE,
        severity=Severity.CRITICAL,
        fingerprint=f"unauthorised issue {total.first.movement_key}" + (f" {lot.asset_id}" if lot.is_linked else ""),
        summary=f"{beyond} left lot {lot.lot} in warehouse {lot.warehouse} without authorisation"[:200],
        evidence={
            "movement": _from_to(total.first.movement_id, total.last.movement_id),
            "movements": str(total.movements),
            "document": _from_to(total.first.document, total.last.document),
            "left": plain_quantity(total.quantity, lot.unit),
            "authorised": plain_quantity(total.quantity - unauthorised, lot.unit),
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
    """Returns both strings joined by "to", or only one of them if they are equal or one is empty."""
    return " to ".join(dict.fromkeys(one for one in (first, last) if one))
