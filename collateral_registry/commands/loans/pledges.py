"""Pledge assets, change pledges, release them where the rest still covers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from collateral_registry.commands.findings.double_pledge import check_notice
from collateral_registry.commands.ip.ip_life_check import check_right_life, report_ip_life
from collateral_registry.commands.loans.controlled_value import static_hold
from collateral_registry.commands.loans.release_simulation import leaving_from
from collateral_registry.commands.pipeline.etags import check_etag
from collateral_registry.commands.pipeline.loan_position import position_of
from collateral_registry.commands.pipeline.over_pledging import claimed_by, reconcile_asset_claims, reconcile_claims
from collateral_registry.commands.pipeline.recompute import recompute
from collateral_registry.domain.assets.kinds import Inventory, Status
from collateral_registry.domain.findings.over_pledging import MILLION, plain_quantity
from collateral_registry.domain.loans.agreements import LoanState, Pledge, PledgeMode, PledgeState
from collateral_registry.domain.loans.cure import largest_release
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset, documents_of, ensure_target, get_asset
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.judgements import newest_claims
from collateral_registry.store.loans.pledges import (
    StoredPledge,
    get_pledge,
    insert_pledge,
    standing_pledges_on,
    update_pledge,
)
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.stock.claims_by_place import places_of_assets
from valuation._typing import Int
from valuation.errors import InvalidInput
from valuation.money import PPM


@dataclass(frozen=True)
class ReleaseAsked:
    """How much of a pledge to release: a share in millionths, or a quantity of the lot; neither means all."""

    share_ppm: int | None = None
    quantity: Decimal | None = None


def pledge_asset(write: Write, pledge: Pledge) -> StoredPledge:
    """Pledges an asset to a loan and judges every loan on it; refused when more would be promised than there is."""
    loan = get_loan(write.connection, pledge.loan_id)
    asset = get_asset(write.connection, pledge.asset_id)
    if loan.loan.state == LoanState.CLOSED:
        raise Refused("LOAN_CLOSED", f"loans/{pledge.loan_id} is closed")
    if asset.asset.status == Status.RETIRED:
        raise Refused("ASSET_RETIRED", f"assets/{pledge.asset_id} is retired")
    _check_terms(pledge, loan.loan.currency, write.market_day)
    _check_promises(asset, [row.pledge for row in standing_pledges_on(write.connection, asset.key)], pledge)
    life = check_right_life(write, asset, loan.loan.maturity)
    target = ensure_target(write, asset.key, loan.loan.currency)
    claimed = claimed_by(write.connection, asset.key)
    key = insert_pledge(write, pledge, loan.key, asset.key, target)
    check_notice(write, pledge, key, asset.key, asset.asset, loan.loan)
    _recompute(write, asset.key, loan.key, reconcile_asset_claims(write, asset.key, claimed))
    report_ip_life(write, asset, loan.loan.loan_id, loan.key, life)
    return get_pledge(write.connection, pledge.loan_id, pledge.pledge_id)


def change_pledge(
    write: Write, loan_id: str, pledge_id: str, etag: str, changed: Callable[[Pledge], Pledge]
) -> StoredPledge:
    """Changes rank, share, limit or registration of a standing pledge."""
    stored = _standing(write, loan_id, pledge_id, etag)
    pledge = changed(stored.pledge)
    _check_terms(pledge, get_loan(write.connection, loan_id).loan.currency, write.market_day)
    asset = get_asset(write.connection, pledge.asset_id)
    others = [row.pledge for row in standing_pledges_on(write.connection, asset.key) if row.key != stored.key]
    _check_promises(asset, others, pledge)
    claimed = claimed_by(write.connection, asset.key)
    updated = update_pledge(write, stored, pledge)
    check_notice(write, pledge, stored.key, asset.key, asset.asset, get_loan(write.connection, loan_id).loan)
    _recompute(write, stored.asset_key, stored.loan_key, reconcile_asset_claims(write, asset.key, claimed))
    return updated


def release_pledge(write: Write, loan_id: str, pledge_id: str, etag: str, asked: ReleaseAsked) -> StoredPledge:
    """Releases a pledge, whole or in part; where the rest would not cover, refused with the most that could be."""
    stored = _standing(write, loan_id, pledge_id, etag)
    asset = documents_of(write.connection, np.array([stored.asset_key], dtype=np.int64))[stored.asset_key]
    lot = asset.detail if isinstance(asset.detail, Inventory) else None
    share = _share_asked(asked, stored.pledge, lot)
    _check_release(write, stored, share, lot)
    _check_redeemed(write, stored, share, lot)
    left = stored.pledge.share_ppm - -(-stored.pledge.share_ppm * share // PPM)
    pledge = replace(stored.pledge, share_ppm=left) if left else replace(stored.pledge, state=PledgeState.RELEASED)
    updated = update_pledge(write, stored, pledge)
    key = np.array([stored.asset_key], dtype=np.int64)
    changed = reconcile_claims(write, places_of_assets(write.connection, key))
    recompute(write, assets=np.union1d(key, changed), loans=np.array([stored.loan_key], dtype=np.int64))
    return updated


def _standing(write: Write, loan_id: str, pledge_id: str, etag: str) -> StoredPledge:
    stored = get_pledge(write.connection, loan_id, pledge_id)
    check_etag(f"loans/{loan_id}/pledges/{pledge_id}", stored.revision, etag)
    if stored.pledge.state == PledgeState.RELEASED:
        raise Refused("PLEDGE_RELEASED", f"loans/{loan_id}/pledges/{pledge_id} is released")
    return stored


def _recompute(write: Write, asset_key: int, loan_key: int, changed: Int) -> None:
    loans = np.array([loan_key], dtype=np.int64)
    assets = np.union1d(np.array([asset_key], dtype=np.int64), changed)
    recompute(write, assets=assets, loans=loans, collateral_added=loans)


def _check_terms(pledge: Pledge, currency: str, day: int) -> None:
    if pledge.limit is not None and pledge.limit.currency != currency:
        raise InvalidInput("limit", pledge.limit.currency, f"the loan's currency {currency}")
    if pledge.registered is not None and pledge.registered > date_at(day):
        raise InvalidInput("registration_date", pledge.registered, f"not after the business date {date_at(day)}")


def _check_promises(asset: StoredAsset, others: list[Pledge], pledge: Pledge) -> None:
    """Shares at one rank sum to at most 1, and a junior pledge needs every senior one to have a limit."""
    name = f"assets/{asset.asset.asset_id}"
    promised = sum(other.share_ppm for other in others if other.rank == pledge.rank)
    if promised + pledge.share_ppm > PPM:
        raise Refused(
            "ASSET_OVER_PLEDGED",
            f"share: got {pledge.share_ppm / PPM:g}, want at most {(PPM - promised) / PPM:g}: the rest of {name} is "
            f"pledged at rank {pledge.rank} already",
        )
    for senior, junior in [(other, pledge) for other in others] + [(pledge, other) for other in others]:
        if senior.rank < junior.rank and senior.limit is None:
            raise Refused(
                "SENIOR_WITHOUT_LIMIT",
                f"rank: got {junior.rank} behind loans/{senior.loan_id}/pledges/{senior.pledge_id}, want a limit on "
                f"every pledge of lower rank number on {name}",
            )


def _share_asked(asked: ReleaseAsked, pledge: Pledge, lot: Inventory | None) -> int:
    """The share of the pledge to release, in millionths, rounded up to what was asked."""
    if asked.quantity is not None:
        if lot is None:
            raise InvalidInput("quantity", asked.quantity, "a share: the asset is not an inventory lot")
        pledged = lot.quantity * pledge.share_ppm / PPM
        if not 0 < asked.quantity <= pledged:
            raise InvalidInput(
                "quantity", asked.quantity, f"more than 0 and at most the {pledged:f} {lot.unit} pledged"
            )
        return -int(-asked.quantity * PPM // pledged)
    return PPM if asked.share_ppm is None else asked.share_ppm


def _check_release(write: Write, stored: StoredPledge, share_ppm: int, lot: Inventory | None) -> None:
    """Refuses a release after which E <= theta (C - release) would not hold, or whose effect nobody can tell."""
    position = position_of(write.connection, stored.loan_key)
    if position.exposure == 0:
        return
    if position.coverage_unknown:
        message = "coverage is UNKNOWN: nothing is released until every asset that decides the level can be valued"
        raise Refused("COVERAGE_UNKNOWN", message)
    claim = _claim(write, stored)
    most = int(
        largest_release(*(np.array([n]) for n in (position.exposure, position.pool, claim, position.target_ppm)))[0]
    )
    if -(-claim * share_ppm // PPM) <= most:
        return
    largest = most * PPM // claim if claim else 0
    quantity = f", {lot.quantity * stored.pledge.share_ppm / PPM * largest / PPM:f} {lot.unit}" if lot else ""
    value = Money(most, get_loan(write.connection, stored.pledge.loan_id).loan.currency)
    raise Refused(
        "RELEASE_UNCOVERED",
        f"the rest would no longer cover the loan; the most that could be released is a share of {largest / PPM:f}"
        f"{quantity}, a claim of {value.major} {value.currency}",
        largest_share=f"{largest / PPM:f}",
    )


def _check_redeemed(write: Write, stored: StoredPledge, share_ppm: int, lot: Inventory | None) -> None:
    """Refuses to release more of a static pledge than repayment has freed."""
    if stored.pledge.mode != PledgeMode.STATIC:
        return
    hold = static_hold(write.connection, stored)
    whole = leaving_from(write.connection, stored.asset_key).counted if lot else MILLION
    pledged = whole * stored.pledge.share_ppm // PPM
    left = pledged - -(-pledged * share_ppm // PPM)
    if left >= hold.must_stay():
        return
    free = max(pledged - hold.must_stay(), 0)
    cash = Money(hold.cash_for(left), get_loan(write.connection, stored.pledge.loan_id).loan.currency)
    raise Refused(
        "RELEASE_NOT_REDEEMED",
        f"a static pledge is released against repayment: {plain_quantity(free, lot.unit if lot else '(share)')} are "
        f"free, the rest against {cash.major} {cash.currency} of cash",
        largest_share=f"{free / pledged if pledged else 0:f}",
        cash=f"{cash.major} {cash.currency}",
    )


def _claim(write: Write, stored: StoredPledge) -> int:
    """What the pledge claims on the basis of its loan."""
    market, lendable = newest_claims(write.connection, [stored.key]).get(stored.key, (0, 0))
    return lendable if position_of(write.connection, stored.loan_key).basis == LtvBasis.LENDABLE else market
