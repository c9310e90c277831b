"""Compares the claims on a place with its available stock: refuses excessive claims, allots stock, opens findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

import numpy as np

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.findings.kinds import Evidence, Finding, FindingKind, Severity
from collateral_registry.domain.findings.over_pledging import Claim, allotted, converted, plain_quantity
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.units import alike
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.findings.repository import open_fingerprints
from collateral_registry.store.loans.pickups import leaving_of
from collateral_registry.store.stock.claims_by_place import (
    Available,
    Place,
    ReportedStock,
    claims_at,
    places_of_assets,
    places_over_pledged,
    reported_stock_at,
    write_counted,
    write_missing_claims,
)
from valuation._typing import Int
from valuation.flags import QualityFlag

NAMED_LIMIT = 20
"""Number of holders that the evidence names. The others are only counted."""

PLACES_LIMIT = 1_000
"""Number of places processed at a time."""


@dataclass(frozen=True)
class PlaceBalance:
    """Claims on one place and unit [n], the quantity allotted to each, and the available stock.

    ``available`` is None if no warehouse has reported. ``source`` is ``feed``, ``count`` or both.
    """

    place: Place
    unit: str
    claims: Sequence[Claim]
    claimed: Sequence[int]
    allotments: Sequence[int]
    available: int | None
    source: str

    @property
    def excess(self) -> int:
        """Quantity by which the claims exceed the available stock."""
        return 0 if self.available is None else max(sum(self.claimed) - self.available, 0)

    def claimed_by(self, asset_key: int) -> int:
        """Returns the quantity that one asset claims."""
        keyed = zip(self.claims, self.claimed, strict=True)
        return sum(claimed for claim, claimed in keyed if claim.asset_key == asset_key)

    def evidence(self) -> dict[str, str]:
        """Returns the sums and the holders as strings."""
        named = [
            f"assets/{claim.asset_id} {plain_quantity(claimed, self.unit)}"
            + (f" for {claim.holders}" if claim.holders else "")
            for claim, claimed in zip(self.claims, self.claimed, strict=True)
            if claimed
        ]
        more = [f"and {len(named) - NAMED_LIMIT} more"] if len(named) > NAMED_LIMIT else []
        return {
            "warehouse": self.place[0],
            "good": self.place[1],
            "claimed": plain_quantity(sum(self.claimed), self.unit),
            "there": plain_quantity(self.available or 0, self.unit),
            "told_by": self.source,
            "holders": "; ".join([*named[:NAMED_LIMIT], *more]),
        }


def balance_places(connection: Connection, places: Sequence[Place]) -> list[PlaceBalance]:
    """Returns the balances of distinct places, separately for weights, volumes and pieces.

    A claim in barrels is not compared with a report in tonnes. If no report is in the same kind of unit as a claim, the
    claim is unverified.
    """
    claims, reported = claims_at(connection, places), reported_stock_at(connection, places)
    balances: list[PlaceBalance] = []
    for place in places:
        balances += _balance_place(place, claims.get(place, []), reported.get(place, ReportedStock()))
    return balances


def _balance_place(place: Place, declared: Sequence[Claim], reported: ReportedStock) -> list[PlaceBalance]:
    claims, available = [_with_report(claim, reported) for claim in declared], reported.available
    units: list[str] = []
    for unit in (*(one.unit for one in available), *(claim.unit for claim in claims)):
        if not any(alike(unit, known) for known in units):
            units.append(unit)
    return [
        _balance(
            place,
            unit,
            [claim for claim in claims if alike(claim.unit, unit)],
            [one for one in available if alike(one.unit, unit)],
        )
        for unit in units
    ]


def _with_report(claim: Claim, stock: ReportedStock) -> Claim:
    """Returns the claim with the quantity that a feed reports for its lot."""
    lot = stock.of_assets.get(claim.asset_key)
    if lot is None or not alike(lot.unit, claim.unit):
        return claim
    return replace(claim, reported=converted(lot.quantity, lot.unit, claim.unit, ROUND_CEILING))


def _balance(place: Place, unit: str, claims: Sequence[Claim], reported: Sequence[Available]) -> PlaceBalance:
    claimed = [claim.claimed_in(unit) for claim in claims]
    available = sum(converted(one.quantity, one.unit, unit, ROUND_FLOOR) for one in reported) if reported else None
    allotments = claimed if available is None else allotted(claimed, available)
    sources = " and ".join(sorted({one.source for one in reported}))
    return PlaceBalance(place, unit, claims, claimed, allotments, available, sources)


def claimed_by(connection: Connection, asset_key: int) -> int:
    """Returns the quantity that an asset claims in its place, in millionths; 0 for an asset that is not inventory."""
    places = places_of_assets(connection, np.array([asset_key], dtype=np.int64))
    return sum(balance.claimed_by(asset_key) for balance in balance_places(connection, places))


def touch_claim(write: Write, asset_key: int) -> None:
    """Records that a change may enlarge or move the asset's claim. Call it before the change.

    When the change is settled, Refused with OVER_PLEDGED is raised if the claim has grown beyond the available stock.
    """
    places = places_of_assets(write.connection, np.array([asset_key], dtype=np.int64))
    write.touched.claimed_before.setdefault(asset_key, claimed_by(write.connection, asset_key))
    write.touched.add(claims=[asset_key], places=places)


def reconcile_claims(write: Write, places: Sequence[Place], claimed_before: Mapping[int, int]) -> Int:
    """Allots the available stock of each place to its claims, and opens or closes findings. The places are distinct.

    Returns the keys of the assets whose counted share has changed. ``claimed_before`` holds the assets whose change
    must not over-pledge, each with its claim before the change. Raises Refused if one of these assets claims more than
    before and the place lacks stock.
    """
    changed = [_reconcile(write, balances, claimed_before) for balances in _in_parts(write.connection, places)]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *changed]))


def touch_over_pledged_places(write: Write) -> int:
    """Marks all places that may be over-pledged for reconciliation; returns how many have claims above the stock."""
    write_missing_claims(write.connection)
    places = places_over_pledged(write.connection)
    write.touched.add(places=places)
    return sum(len({one.place for one in part if one.excess}) for part in _in_parts(write.connection, places))


def _in_parts(connection: Connection, places: Sequence[Place]) -> Iterator[list[PlaceBalance]]:
    for start in range(0, len(places), PLACES_LIMIT):
        yield balance_places(connection, places[start : start + PLACES_LIMIT])


def _refuse_over_pledging(balance: PlaceBalance, claimed_before: Mapping[int, int]) -> None:
    for asset_key, before in claimed_before.items():
        if balance.excess and balance.claimed_by(asset_key) > before:
            evidence = balance.evidence()
            raise Refused(
                "OVER_PLEDGED",
                f"{evidence['claimed']} of {evidence['good']} would be pledged or receipted in warehouse "
                f"{evidence['warehouse']}, where {evidence['there']} is available ({evidence['told_by']}); "
                "reduce or retire a claim, or have the goods reported: "
                f"{evidence['holders']}"[:1000],
                **evidence,
            )


def _reconcile(write: Write, balances: Sequence[PlaceBalance], claimed_before: Mapping[int, int]) -> Int:
    for balance in balances:
        _refuse_over_pledging(balance, claimed_before)
    leaving = leaving_of(write.connection, [claim.asset_key for balance in balances for claim in balance.claims])
    rows = [
        _counted(balance, claim, claimed, allotment, leaving.get(claim.asset_key, 0))
        for balance in balances
        for claim, claimed, allotment in zip(balance.claims, balance.claimed, balance.allotments, strict=True)
    ]
    changed = write_counted(write, rows)
    _update_findings(write, balances)
    return changed


def _counted(balance: PlaceBalance, claim: Claim, claimed: int, allotment: int, leaving: int) -> dict[str, Any]:
    """Returns the counted share and the quality flags of an asset's claim."""
    quality = int(QualityFlag.STOCK_UNVERIFIED) if balance.available is None else 0
    quality |= int(QualityFlag.STOCK_SHORT) if allotment < claimed else 0
    quality |= int(QualityFlag.PICKUP_AUTHORISED) if leaving else 0
    share = claim.counted_share(claimed, allotment, leaving)
    return {"asset_key": claim.asset_key, "counted_share": share, "stock_quality": quality}


def _update_findings(write: Write, balances: Sequence[PlaceBalance]) -> None:
    """Opens a finding for every claim that stock does not fully cover, and closes findings of claims covered again."""
    short, is_short = [], {}
    for balance in balances:
        evidence = balance.evidence() if balance.excess else {}
        for claim, claimed, allotment in zip(balance.claims, balance.claimed, balance.allotments, strict=True):
            is_short[_fingerprint(claim)] = allotment < claimed
            if allotment < claimed:
                short.append(_finding(balance, evidence, claim, claimed, allotment))
    open_findings(write, short)
    open_keys = open_fingerprints(write.connection, list(is_short))
    covered = [key for fingerprint, key in open_keys.items() if not is_short[fingerprint]]
    if covered:
        close_findings(write, covered, "the available stock covers the claims again")


def _finding(balance: PlaceBalance, evidence: Evidence, claim: Claim, claimed: int, allotment: int) -> Finding:
    return Finding(
        kind=FindingKind.OVER_PLEDGED,
        severity=Severity.CRITICAL,
        fingerprint=_fingerprint(claim),
        summary=f"{evidence['claimed']} of {balance.place[1]} are claimed in warehouse {balance.place[0]}, "
        f"{evidence['there']} is available"[:200],
        evidence={
            **evidence,
            "asset": f"assets/{claim.asset_id}",
            "claim": plain_quantity(claimed, balance.unit),
            "counted": plain_quantity(allotment, balance.unit),
        },
        asset_key=claim.asset_key,
        warehouse=balance.place[0],
    )


def _fingerprint(claim: Claim) -> str:
    return f"over pledged {claim.asset_id}"
