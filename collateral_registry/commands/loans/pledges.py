"""Pledges assets, changes pledges, and releases them if the remaining collateral still covers the loan."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np

from collateral_registry.commands.assignments.unreconciled import end_unsecured_reserve
from collateral_registry.commands.findings.double_pledge import check_notice
from collateral_registry.commands.ip.ip_life_check import check_ip_life, report_ip_life
from collateral_registry.commands.loans.base_release import base_release
from collateral_registry.commands.loans.controlled_value import static_hold
from collateral_registry.commands.loans.dispositions import Disposition, Explain, Positions, apply_unchecked, dispose
from collateral_registry.commands.loans.release_simulation import counted_quantity
from collateral_registry.commands.loans.up_to_date import apply_pending
from collateral_registry.commands.pipeline.etags import check_etag
from collateral_registry.commands.pipeline.loan_position import LoanPosition, decision_claims
from collateral_registry.commands.pipeline.over_pledging import touch_claim
from collateral_registry.domain.assets.kinds import Inventory, Status
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.loans.agreements import LoanState, Pledge, PledgeMode, PledgeState, check_loan_currency
from collateral_registry.domain.loans.cure import largest_release
from collateral_registry.domain.loans.dispositions import lowers_terms, only_registration_differs
from collateral_registry.domain.loans.registrations import check_registration_change, check_registration_number
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.store.assets.repository import StoredAsset, documents_of, ensure_target, get_asset
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import (
    StoredPledge,
    active_pledges_on,
    get_pledge,
    insert_pledge,
    update_pledge,
)
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM


@dataclass(frozen=True)
class ReleaseRequest:
    """The part of a pledge to release: a share in millionths or a quantity of the lot.

    If both are None, the whole pledge is released.
    """

    share_ppm: int | None = None
    quantity: Decimal | None = None


def pledge_asset(write: Write, pledge: Pledge) -> StoredPledge:
    """Pledges an asset to a loan.

    Raises Refused if the shares add up to more than the asset, or if the pledge would uncover a loan that the asset
    already secures.
    """
    loan = get_loan(write.connection, pledge.loan_id)
    asset = get_asset(write.connection, pledge.asset_id)
    if loan.loan.state == LoanState.CLOSED:
        raise Refused("LOAN_CLOSED", f"loans/{pledge.loan_id} is closed: pledge the asset to an active loan")
    if asset.asset.status == Status.RETIRED:
        raise Refused("ASSET_RETIRED", f"assets/{pledge.asset_id} is retired: register it again to pledge it")
    _check_terms(pledge, loan.loan.currency, write.market_day)
    check_registration_number(pledge)
    _check_shares(asset, [row.pledge for row in active_pledges_on(write.connection, asset.key)], pledge)
    life = check_ip_life(write, asset, loan.loan.maturity)

    def insert() -> None:
        target = ensure_target(write, asset.key, loan.loan.currency)
        touch_claim(write, asset.key)
        key = insert_pledge(write, pledge, loan.key, asset.key, target)
        check_notice(write, pledge, key, asset.key, asset.asset, loan.loan)
        write.touched.add(collateral_added=[loan.key])
        report_ip_life(write, asset, loan.loan.loan_id, loan.key, life)

    apply_pending(write, np.array([asset.key], dtype=np.int64))
    dispose(write, Disposition(asset.key, [loan.key], (), lambda _: None, insert, _explain_other))
    return get_pledge(write.connection, pledge.loan_id, pledge.pledge_id)


def change_pledge(
    write: Write, loan_id: str, pledge_id: str, etag: str, changed: Callable[[Pledge], Pledge]
) -> StoredPledge:
    """Changes rank, share, limit, mode or registration of an active pledge.

    Raises Refused where a release with the same effect would be refused. This is the case, for example, if the change
    would leave a covered loan uncovered, or would take more from a static pledge than repayment has freed. A change of
    the registration alone is recorded even if it leaves a loan uncovered, because it states a fact.
    """
    stored = active_pledge(write, loan_id, pledge_id, etag)
    pledge = changed(stored.pledge)
    change = pledge_change(write, stored, pledge)
    return (apply_unchecked if only_registration_differs(stored.pledge, pledge) else dispose)(write, change)


def release_pledge(write: Write, loan_id: str, pledge_id: str, etag: str, request: ReleaseRequest) -> StoredPledge:
    """Releases all or part of a pledge.

    If the remaining collateral would not cover the loan, raises Refused with the largest share that may be released.
    """
    return dispose(write, pledge_release(write, active_pledge(write, loan_id, pledge_id, etag), request))


def pledge_change(write: Write, stored: StoredPledge, pledge: Pledge) -> Disposition[StoredPledge]:
    """Returns the disposition that sets new terms of an active pledge; raises InvalidInput or Refused."""
    loan = get_loan(write.connection, pledge.loan_id).loan
    check_registration_change(stored.pledge, pledge)
    _check_terms(pledge, loan.currency, write.market_day)
    asset = get_asset(write.connection, pledge.asset_id)
    others = [row.pledge for row in active_pledges_on(write.connection, asset.key) if row.key != stored.key]
    _check_shares(asset, others, pledge)
    lowered = lowers_terms(stored.pledge, pledge)

    def update() -> StoredPledge:
        touch_claim(write, asset.key)
        updated = update_pledge(write, stored, pledge)
        check_notice(write, pledge, stored.key, asset.key, asset.asset, loan)
        if not lowered:
            write.touched.add(collateral_added=[stored.loan_key])
        return updated

    return Disposition(
        asset_key=asset.key,
        loan_keys=[stored.loan_key],
        removes=[stored.loan_key] if lowered else (),
        check=lambda _: _check_redeemed(write, stored, pledge),
        apply=update,
        explain=_explain_release(write, stored),
    )


def pledge_release(write: Write, stored: StoredPledge, request: ReleaseRequest) -> Disposition[StoredPledge]:
    """Returns the disposition that releases an active pledge.

    It uses the quantity of the lot at the time of the release.
    """

    def rest() -> Pledge:
        share = _share_to_release(request, stored.pledge, _lot_of(write, stored))
        left = stored.pledge.share_ppm - -(-stored.pledge.share_ppm * share // PPM)
        return replace(stored.pledge, share_ppm=left) if left else replace(stored.pledge, state=PledgeState.RELEASED)

    def update() -> StoredPledge:
        updated = update_pledge(write, stored, rest())
        end_unsecured_reserve(write, stored.asset_key, stored.pledge.asset_id, stored.pledge.loan_id)
        return updated

    return Disposition(
        asset_key=stored.asset_key,
        loan_keys=[stored.loan_key],
        removes=[stored.loan_key],
        check=lambda _: _check_redeemed(write, stored, rest()),
        apply=update,
        explain=_explain_release(write, stored),
    )


def active_pledge(write: Write, loan_id: str, pledge_id: str, etag: str) -> StoredPledge:
    """Returns a pledge that is not released; raises NotFound, EtagMismatch or Refused."""
    stored = get_pledge(write.connection, loan_id, pledge_id)
    check_etag(f"loans/{loan_id}/pledges/{pledge_id}", stored.revision, etag)
    if stored.pledge.state == PledgeState.RELEASED:
        name = f"loans/{loan_id}/pledges/{pledge_id}"
        raise Refused("PLEDGE_RELEASED", f"{name} is released: pledge the asset again by PledgeAsset")
    return stored


def _lot_of(write: Write, stored: StoredPledge) -> Inventory | None:
    """Returns the pledged inventory lot; None if the asset is of another kind."""
    detail = documents_of(write.connection, np.array([stored.asset_key], dtype=np.int64))[stored.asset_key].detail
    return detail if isinstance(detail, Inventory) else None


def _check_terms(pledge: Pledge, currency: str, day: int) -> None:
    check_all(
        lambda: check_loan_currency("limit", pledge.limit, currency),
        lambda: _check_registration_date(pledge.registered, date_at(day)),
    )


def _check_registration_date(registered: date | None, today: date) -> None:
    if registered is not None and registered > today:
        raise InvalidInput("registration_date", registered, f"not after the business date {today}")


def _check_shares(asset: StoredAsset, others: list[Pledge], pledge: Pledge) -> None:
    """Raises Refused if the shares at one rank exceed 1, or if a junior pledge follows a senior one without a limit."""
    name = f"assets/{asset.asset.asset_id}"
    pledged = sum(other.share_ppm for other in others if other.rank == pledge.rank)
    if pledged + pledge.share_ppm > PPM:
        raise Refused(
            "ASSET_OVER_PLEDGED",
            f"share: got {pledge.share_ppm / PPM:g}, want at most {(PPM - pledged) / PPM:g}: the rest of {name} is "
            f"pledged at rank {pledge.rank} already",
        )
    for senior, junior in [(other, pledge) for other in others] + [(pledge, other) for other in others]:
        if senior.rank < junior.rank and senior.limit is None:
            raise Refused(
                "SENIOR_WITHOUT_LIMIT",
                f"rank: got {junior.rank} behind loans/{senior.loan_id}/pledges/{senior.pledge_id}, want a limit on "
                f"every pledge of lower rank number on {name}",
            )


def _share_to_release(request: ReleaseRequest, pledge: Pledge, lot: Inventory | None) -> int:
    """Returns the share of the pledge to release, in millionths, rounded up."""
    if request.quantity is not None:
        if lot is None:
            raise InvalidInput("quantity", request.quantity, "a share: the asset is not an inventory lot")
        pledged = lot.quantity * pledge.share_ppm / PPM
        if not 0 < request.quantity <= pledged:
            raise InvalidInput(
                "quantity", request.quantity, f"more than 0 and at most the {pledged:f} {lot.unit} pledged"
            )
        return math.ceil(request.quantity * PPM / pledged)
    return PPM if request.share_ppm is None else request.share_ppm


def _explain_release(write: Write, stored: StoredPledge) -> Explain:
    """Returns a function that builds the refusal of a release, with the largest share that could be released."""
    lot = _lot_of(write, stored)
    loan = get_loan(write.connection, stored.pledge.loan_id).loan
    of_base = base_release(write.connection, stored.loan_key, stored.key) if loan.base_terms else None
    claim = decision_claims(write.connection, stored.loan_key).get(stored.key, 0)

    def explain(before: Positions, loan_key: int) -> Refused:
        if loan_key != stored.loan_key:
            return _explain_other(before, loan_key)
        position = before[loan_key]
        largest, most = of_base.largest(position) if of_base else _largest_release(position, claim)
        quantity = f", {lot.quantity * stored.pledge.share_ppm / PPM * largest / PPM:f} {lot.unit}" if lot else ""
        value = Money(most, loan.currency)
        at_price = " at a newer, lower price in quarantine" if position.is_withheld else ""
        return Refused(
            "RELEASE_UNCOVERED",
            f"the rest would no longer cover the loan{at_price}; the most that could be released is a share of "
            f"{largest / PPM:f}{quantity}, a claim of {value.major} {value.currency}",
            largest_share=f"{largest / PPM:f}",
        )

    return explain


def _largest_release(position: LoanPosition, claim: int) -> tuple[int, int]:
    """Returns the largest share of a claim, in millionths, that could be released, and its amount."""
    terms = (position.owed, position.decision_pool, claim, position.target_ppm)
    most = int(largest_release(*(np.array([number]) for number in terms))[0])
    return most * PPM // claim if claim else 0, most


def _explain_other(before: Positions, loan_key: int) -> Refused:
    level = before[loan_key].level.name
    message = (
        f"another loan on the asset, at level {level}, would no longer be covered: repay it or pledge more to it first"
    )
    return Refused("OTHER_LOAN_UNCOVERED", message)


def _check_redeemed(write: Write, stored: StoredPledge, pledge: Pledge) -> None:
    """Raises Refused if new terms take more from a static pledge than repayment has freed."""
    if stored.pledge.mode != PledgeMode.STATIC or not lowers_terms(stored.pledge, pledge):
        return
    lot, hold = _lot_of(write, stored), static_hold(write.connection, stored)
    whole = counted_quantity(write.connection, stored.asset_key) if lot else MILLION
    pledged = whole * stored.pledge.share_ppm // PPM
    stays = pledge.state == PledgeState.ACTIVE and pledge.mode == PledgeMode.STATIC
    left = whole * pledge.share_ppm // PPM if stays else 0
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
