"""Checks, authorises, cancels and expires pick-ups of goods from pledged lots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from collateral_registry.commands.loans.controlled_value import static_hold
from collateral_registry.commands.loans.dispositions import Disposition, Positions, dispose
from collateral_registry.commands.loans.release_simulation import ReleaseScenario, simulate_release
from collateral_registry.commands.pipeline.loan_position import positions_of
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.findings.over_pledging import plain_quantity
from collateral_registry.domain.loans.agreements import PledgeMode
from collateral_registry.domain.loans.controlled_value import cash_to_reach
from collateral_registry.domain.loans.cure import largest_release
from collateral_registry.domain.loans.pickups import PICKUP_DAYS, PICKUP_DAYS_LIMIT, Pickup, PickupState, largest_such
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.shared.units import smallest_step
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pickups import (
    StoredPickup,
    ended_pickups,
    get_pickup,
    insert_pickup,
    update_pickup,
)
from collateral_registry.store.loans.pledges import StoredPledge, active_pledges_on, loans_of_assets
from collateral_registry.store.loans.repository import StoredLoan, get_loan
from valuation.errors import InvalidInput
from valuation.money import PPM


@dataclass(frozen=True)
class PickupAnswer:
    """Whether a quantity may leave.

    If not, the answer holds the largest quantity that may leave, the cash that would free all of it, and the reason.
    """

    allowed: bool
    largest: Decimal
    unit: str
    cash: Money | None
    reason: str


@dataclass(frozen=True)
class PickupRequest:
    """A requested pick-up with its quantity in the unit of the lot and its last day (default: PICKUP_DAYS from now)."""

    loan_id: str
    asset_id: str
    pickup_id: str
    quantity: Decimal
    expire: date | None = None
    note: str = ""


@dataclass(frozen=True)
class _Inquiry:
    """The question whether a quantity may leave a lot.

    It is asked for one of the loans on the lot, and holds the active pledges on the lot.
    """

    loan: StoredLoan
    asset: StoredAsset
    lot: Inventory
    pledges: Sequence[StoredPledge]
    quantity: int


def check_pickup(connection: Connection, loan_id: str, asset_id: str, quantity: Decimal) -> PickupAnswer:
    """Returns whether a quantity may leave, by the newest judgements and prices.

    Every loan on the lot must stay covered, and the part that a static pledge requires must stay.
    """
    inquiry = _inquiry(connection, loan_id, asset_id, quantity)
    loans = loans_of_assets(connection, np.array([inquiry.asset.key], dtype=np.int64))
    return _answer(connection, inquiry, positions_of(connection, loans))


def _answer(connection: Connection, inquiry: _Inquiry, positions: Positions) -> PickupAnswer:
    """Decides whether the quantity of an inquiry may leave, given the positions of the loans on the lot."""
    scenario = simulate_release(connection, inquiry.asset.key, positions)
    if scenario.coverage_unknown:
        reason = "coverage is UNKNOWN: nothing leaves until every asset that decides the level can be valued"
        return PickupAnswer(allowed=False, largest=Decimal(0), unit=inquiry.lot.unit, cash=None, reason=reason)
    floors = _static_floors(connection, inquiry)
    step = int(smallest_step(inquiry.lot.unit) * MILLION)

    def holds(steps: int) -> bool:
        return _may_leave(scenario, floors, inquiry, steps * step)

    if inquiry.quantity <= scenario.counted and _may_leave(scenario, floors, inquiry, inquiry.quantity):
        whole = Decimal(inquiry.quantity) / MILLION
        return PickupAnswer(allowed=True, largest=whole, unit=inquiry.lot.unit, cash=None, reason="")
    most = scenario.counted // step
    guess = _first_guess(scenario, inquiry) // step
    largest = Decimal(largest_such(holds, guess, min(most, inquiry.quantity // step)) * step) / MILLION
    return _refusal(connection, inquiry, scenario, largest)


def request_pickup(write: Write, request: PickupRequest) -> StoredPickup:
    """Authorises a pick-up, whose goods no longer count as collateral; raises Refused if they may not leave."""
    dispose(write, pickup_disposition(write, request))
    return get_pickup(write.connection, request.loan_id, request.pickup_id)


def pickup_disposition(write: Write, request: PickupRequest) -> Disposition[None]:
    """Returns the disposition that authorises a pick-up; raises InvalidInput for a wrong expiry or quantity."""
    expire = request.expire or date_at(write.market_day) + timedelta(days=PICKUP_DAYS)
    _check_expiry(expire, date_at(write.market_day))
    inquiry = _inquiry(write.connection, request.loan_id, request.asset_id, request.quantity)

    def check(before: Positions) -> None:
        answer = _answer(write.connection, inquiry, before)
        if not answer.allowed:
            cash = {"cash": f"{answer.cash.major} {answer.cash.currency}"} if answer.cash else {}
            raise Refused("PICKUP_REFUSED", answer.reason, largest=f"{answer.largest:f} {answer.unit}", **cash)

    def authorise() -> None:
        if inquiry.quantity > inquiry.lot.quantity * MILLION:
            raise InvalidInput(
                "quantity", request.quantity, f"at most the {inquiry.lot.quantity:f} {inquiry.lot.unit} of the lot"
            )
        authorised = Pickup(
            request.pickup_id,
            request.loan_id,
            request.asset_id,
            inquiry.quantity,
            inquiry.lot.unit,
            expire,
            note=request.note,
        )
        insert_pickup(write, authorised, inquiry.loan.key, inquiry.asset.key)

    removes = loans_of_assets(write.connection, np.array([inquiry.asset.key], dtype=np.int64)).tolist()
    return Disposition(inquiry.asset.key, [inquiry.loan.key], removes, check, authorise, _explain)


def cancel_pickup(write: Write, loan_id: str, pickup_id: str) -> StoredPickup:
    """Cancels an authorisation, so that its open quantity counts again.

    Raises NotFound, and Refused if the authorisation has ended.
    """
    stored = get_pickup(write.connection, loan_id, pickup_id)
    if stored.pickup.state != PickupState.AUTHORISED:
        name = f"loans/{loan_id}/pickups/{pickup_id}"
        raise Refused("PICKUP_ENDED", f"{name} is {stored.pickup.state.name}: only an authorised pick-up is cancelled")
    updated = update_pickup(write, stored, replace(stored.pickup, state=PickupState.CANCELLED))
    write.touched.add(claims=[stored.asset_key])
    return updated


def end_pickups(write: Write) -> None:
    """Expires the authorisations whose last day has passed, and reconciles the claims of their assets."""
    ended = ended_pickups(write.connection, write.market_day)
    for row in ended:
        update_pickup(write, row, replace(row.pickup, state=PickupState.EXPIRED))
    write.touched.add(claims=[row.asset_key for row in ended])


def _explain(_before: Positions, _loan_key: int) -> Refused:
    return Refused("PICKUP_REFUSED", "the rest would no longer cover every loan on the lot: repay or pledge more first")


def _inquiry(connection: Connection, loan_id: str, asset_id: str, quantity: Decimal) -> _Inquiry:
    """Finds the loan, the lot and its pledges by the names in a request; raises NotFound, InvalidInput or Refused."""
    loan, asset = get_loan(connection, loan_id), get_asset(connection, asset_id)
    lot = asset.asset.detail
    if not isinstance(lot, Inventory):
        raise InvalidInput("asset", f"assets/{asset_id}", "an inventory lot: only goods can be picked up")
    pledges = active_pledges_on(connection, asset.key)
    if not any(row.loan_key == loan.key for row in pledges):
        raise Refused(
            "ASSET_NOT_PLEDGED", f"assets/{asset_id} is not pledged to loans/{loan_id}: name the loan that it secures"
        )
    millionths = quantity * MILLION
    if millionths != millionths.to_integral_value() or not 0 < millionths <= 10**18:
        raise InvalidInput("quantity", quantity, "more than 0, at most 10^12, with at most 6 decimals")
    return _Inquiry(loan, asset, lot, pledges, int(millionths))


def _static_floors(connection: Connection, inquiry: _Inquiry) -> list[tuple[StoredPledge, int]]:
    """Returns each static pledge on the lot with the quantity that must stay, in millionths."""
    static = [row for row in inquiry.pledges if row.pledge.mode == PledgeMode.STATIC]
    return [(row, static_hold(connection, row).must_stay()) for row in static]


def _may_leave(
    scenario: ReleaseScenario, floors: Sequence[tuple[StoredPledge, int]], inquiry: _Inquiry, quantity: int
) -> bool:
    """Returns whether a quantity may leave: every loan must stay covered and every static pledge keep its floor."""
    rest = scenario.counted - quantity
    is_kept = all(rest * row.pledge.share_ppm // PPM >= floor for row, floor in floors)
    return rest >= 0 and is_kept and not scenario.uncovered_after(quantity) and inquiry.quantity > 0


def _first_guess(scenario: ReleaseScenario, inquiry: _Inquiry) -> int:
    """Returns the largest quantity, in millionths, whose claim value the loan can release (rules.md section 4)."""
    claim = scenario.claim_of(inquiry.loan.key)
    exposure, pool, target = scenario.terms_of(inquiry.loan.key)
    most = int(largest_release(*(np.array([n]) for n in (exposure, pool, claim, target)))[0])
    return scenario.counted * most // claim if claim else scenario.counted


def _refusal(connection: Connection, inquiry: _Inquiry, scenario: ReleaseScenario, largest: Decimal) -> PickupAnswer:
    """Builds the refusal with its reason, the largest quantity that may leave, and the cash that would free it all."""
    unit, loan = inquiry.lot.unit, inquiry.loan
    if inquiry.quantity > scenario.counted:
        reason = f"quantity: got {plain_quantity(inquiry.quantity, unit)}, want at most the "
        reason += f"{plain_quantity(scenario.counted, unit)} of assets/{inquiry.asset.asset.asset_id} that count"
        return PickupAnswer(allowed=False, largest=largest, unit=unit, cash=None, reason=reason)
    exposure, _, target = scenario.terms_of(loan.key)
    cash = cash_to_reach(exposure, scenario.pool_after(loan.key, inquiry.quantity), target)
    for row in inquiry.pledges:
        if row.loan_key == loan.key and row.pledge.mode == PledgeMode.STATIC:
            rest = (scenario.counted - inquiry.quantity) * row.pledge.share_ppm // PPM
            cash = max(cash, static_hold(connection, row).cash_for(rest))
    money = Money(cash, loan.loan.currency)
    others = [row.pledge for row in inquiry.pledges if row.loan_key in scenario.uncovered_after(inquiry.quantity)]
    other_loans = ", ".join(sorted({f"loans/{one.loan_id}" for one in others if one.loan_id != loan.loan.loan_id}))
    reason = f"at most {largest:f} {unit} may leave, or all of it against {money.major} {money.currency} of cash"
    reason += f"; {other_loans} would not be covered either" if other_loans else ""
    return PickupAnswer(allowed=False, largest=largest, unit=unit, cash=money, reason=reason)


def _check_expiry(expire: date, today: date) -> None:
    last = today + timedelta(days=PICKUP_DAYS_LIMIT)
    if not today <= expire <= last:
        raise InvalidInput("expire_date", expire, f"{today} to {last}")
