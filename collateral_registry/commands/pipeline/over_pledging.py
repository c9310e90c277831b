"""What is claimed of a place against what is there: refused beyond it, counted up to it, told when it falls."""

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
"""Holders that evidence names; the rest are counted."""

PLACES_LIMIT = 1_000
"""Places weighed at a time."""


@dataclass(frozen=True)
class PlaceBalance:
    """The claims on a place [n] in one unit, what stands behind each, and what is there (none: nothing can be told)."""

    place: Place
    unit: str
    claims: Sequence[Claim]
    claimed: Sequence[int]
    held: Sequence[int]
    there: int | None
    told_by: str

    @property
    def excess(self) -> int:
        """By how much the claims exceed what is there."""
        return 0 if self.there is None else max(sum(self.claimed) - self.there, 0)

    def claimed_by(self, asset_key: int) -> int:
        """What one asset claims."""
        keyed = zip(self.claims, self.claimed, strict=True)
        return sum(claimed for claim, claimed in keyed if claim.asset_key == asset_key)

    def evidence(self) -> dict[str, str]:
        """Sums and holders, as people read them."""
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
            "there": plain_quantity(self.there or 0, self.unit),
            "told_by": self.told_by,
            "holders": "; ".join([*named[:NAMED_LIMIT], *more]),
        }


def balance_places(connection: Connection, places: Sequence[Place]) -> list[PlaceBalance]:
    """What is claimed of each of different places and what is there, apart for weights, volumes and pieces.

    Barrels that are claimed are not held against tonnes that are told: nothing tells of them, so they are unverified.
    """
    claims, told = claims_at(connection, places), reported_stock_at(connection, places)
    return [
        one for place in places for one in _weigh_one(place, claims.get(place, []), told.get(place, ReportedStock()))
    ]


def _weigh_one(place: Place, stated: Sequence[Claim], all_told: ReportedStock) -> list[PlaceBalance]:
    claims, told = [_as_told(claim, all_told) for claim in stated], all_told.there
    units: list[str] = []
    for unit in (*(one.unit for one in told), *(claim.unit for claim in claims)):
        if not any(alike(unit, known) for known in units):
            units.append(unit)
    return [
        _weighed(
            place,
            unit,
            [claim for claim in claims if alike(claim.unit, unit)],
            [one for one in told if alike(one.unit, unit)],
        )
        for unit in units
    ]


def _as_told(claim: Claim, told: ReportedStock) -> Claim:
    """The claim with what a feed tells of its lot now."""
    own = told.of_assets.get(claim.asset_key)
    if own is None or not alike(own.unit, claim.unit):
        return claim
    return replace(claim, reported=converted(own.quantity, own.unit, claim.unit, ROUND_CEILING))


def _weighed(place: Place, unit: str, claims: Sequence[Claim], told: Sequence[Available]) -> PlaceBalance:
    claimed = [claim.claimed_in(unit) for claim in claims]
    there = sum(converted(one.quantity, one.unit, unit, ROUND_FLOOR) for one in told) if told else None
    held = claimed if there is None else allotted(claimed, there)
    return PlaceBalance(place, unit, claims, claimed, held, there, " and ".join(sorted({one.source for one in told})))


def claimed_by(connection: Connection, asset_key: int) -> int:
    """Returns what an asset claims of its place, in millionths; 0 for an asset that is not inventory."""
    places = places_of_assets(connection, np.array([asset_key], dtype=np.int64))
    return sum(balance.claimed_by(asset_key) for balance in balance_places(connection, places))


def touch_claim(write: Write, asset_key: int) -> None:
    """Declares that a change may enlarge or move the asset's claim; to be called before the change.

    Settling refuses the change if the claim grows beyond the available stock (Refused, OVER_PLEDGED).
    """
    places = places_of_assets(write.connection, np.array([asset_key], dtype=np.int64))
    write.touched.claimed_before.setdefault(asset_key, claimed_by(write.connection, asset_key))
    write.touched.add(claims=[asset_key], places=places)


def reconcile_claims(write: Write, places: Sequence[Place], claimed_before: Mapping[int, int]) -> Int:
    """Allots the available stock of each place to its claims, and opens or closes findings; the places are distinct.

    Returns the keys of the assets whose counted share changed. ``claimed_before`` is the former claim of each asset
    whose change must not over-pledge: raises Refused if one of them claims more than before and the place lacks stock.
    """
    changed = [_reconcile(write, balances, claimed_before) for balances in _in_parts(write.connection, places)]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *changed]))


def touch_over_pledged_places(write: Write) -> int:
    """Declares every place whose claims exceed the available stock for reconciliation; returns how many there are."""
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
                f"{evidence['warehouse']}, where {evidence['there']} are ({evidence['told_by']}): "
                f"{evidence['holders']}"[:1000],
                **evidence,
            )


def _reconcile(write: Write, weighed: Sequence[PlaceBalance], claimed_before: Mapping[int, int]) -> Int:
    for balance in weighed:
        _refuse_over_pledging(balance, claimed_before)
    leaving = leaving_of(write.connection, [claim.asset_key for one in weighed for claim in one.claims])
    rows = [
        _counted(one, claim, claimed, held, leaving.get(claim.asset_key, 0))
        for one in weighed
        for claim, claimed, held in zip(one.claims, one.claimed, one.held, strict=True)
    ]
    changed = write_counted(write, rows)
    _tell(write, weighed)
    return changed


def _counted(weighed: PlaceBalance, claim: Claim, claimed: int, held: int, leaving: int) -> dict[str, Any]:
    quality = int(QualityFlag.STOCK_UNVERIFIED) if weighed.there is None else 0
    quality |= int(QualityFlag.STOCK_SHORT) if held < claimed else 0
    quality |= int(QualityFlag.PICKUP_AUTHORISED) if leaving else 0
    share = claim.counted_share(claimed, held, leaving)
    return {"asset_key": claim.asset_key, "counted_share": share, "stock_quality": quality}


def _tell(write: Write, weighed: Sequence[PlaceBalance]) -> None:
    """A finding at every claim that is not held in full; those of claims that are held again are closed."""
    short, names = [], {}
    for one in weighed:
        evidence = one.evidence() if one.excess else {}
        for claim, claimed, held in zip(one.claims, one.claimed, one.held, strict=True):
            names[_fingerprint(claim)] = held < claimed
            if held < claimed:
                short.append(_finding(one, evidence, claim, claimed, held))
    open_findings(write, short)
    standing = open_fingerprints(write.connection, list(names))
    over = [key for fingerprint, key in standing.items() if not names[fingerprint]]
    if over:
        close_findings(write, over, "what is there covers what is claimed again")


def _finding(weighed: PlaceBalance, evidence: Evidence, claim: Claim, claimed: int, held: int) -> Finding:
    return Finding(
        kind=FindingKind.OVER_PLEDGED,
        severity=Severity.CRITICAL,
        fingerprint=_fingerprint(claim),
        summary=f"{evidence['claimed']} of {weighed.place[1]} are claimed in warehouse {weighed.place[0]}, "
        f"{evidence['there']} are there"[:200],
        evidence={
            **evidence,
            "asset": f"assets/{claim.asset_id}",
            "claim": plain_quantity(claimed, weighed.unit),
            "counted": plain_quantity(held, weighed.unit),
        },
        asset_key=claim.asset_key,
        warehouse=weighed.place[0],
    )


def _fingerprint(claim: Claim) -> str:
    return f"over pledged {claim.asset_id}"
