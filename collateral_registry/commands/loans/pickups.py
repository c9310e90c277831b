"""Goods that are to leave a pledged lot: what may, and authorisations."""

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
    """Whether a quantity may leave; else the largest that may, the cash that would free it, and why not."""

    allowed: bool
    largest: Decimal
    unit: str
    cash: Money | None
    reason: str


@dataclass(frozen=True)
class PickupAsked:
    """A requested pick-up: quantity in the unit of the lot, and its last day, PICKUP_DAYS from now if none is given."""

    loan_id: str
    asset_id: str
    pickup_id: str
    quantity: Decimal
    expire: date | None = None
    note: str = ""


@dataclass(frozen=True)
class _Question:
    """A pick-up asked for: of which lot, for which loan, under which pledges on the lot."""

    loan: StoredLoan
    asset: StoredAsset
    lot: Inventory
    pledges: Sequence[StoredPledge]
    quantity: int


def check_pickup(connection: Connection, loan_id: str, asset_id: str, quantity: Decimal) -> PickupAnswer:
    """Returns whether a quantity may leave, by the newest judgements and prices.

    Every loan on the lot must stay covered, and a static pledge keeps its part.
    """
    asked = _question(connection, loan_id, asset_id, quantity)
    loans = loans_of_assets(connection, np.array([asked.asset.key], dtype=np.int64))
    return _answer(connection, asked, positions_of(connection, loans))


def _answer(connection: Connection, asked: _Question, positions: Positions) -> PickupAnswer:
    left = simulate_release(connection, asked.asset.key, positions)
    if left.coverage_unknown:
        reason = "coverage is UNKNOWN: nothing leaves until every asset that decides the level can be valued"
        return PickupAnswer(allowed=False, largest=Decimal(0), unit=asked.lot.unit, cash=None, reason=reason)
    floors = _static_floors(connection, asked)
    step = int(smallest_step(asked.lot.unit) * MILLION)

    def holds(steps: int) -> bool:
        return _may_leave(left, floors, asked, steps * step)

    if asked.quantity <= left.counted and _may_leave(left, floors, asked, asked.quantity):
        whole = Decimal(asked.quantity) / MILLION
        return PickupAnswer(allowed=True, largest=whole, unit=asked.lot.unit, cash=None, reason="")
    most = left.counted // step
    guess = _first_guess(left, asked) // step
    largest = Decimal(largest_such(holds, guess, min(most, asked.quantity // step)) * step) / MILLION
    return _refusal(connection, asked, left, largest)


def request_pickup(write: Write, pickup: PickupAsked) -> StoredPickup:
    """Authorises a pick-up; the goods no longer count from then on. Raises Refused where they may not leave."""
    dispose(write, pickup_disposition(write, pickup))
    return get_pickup(write.connection, pickup.loan_id, pickup.pickup_id)


def pickup_disposition(write: Write, pickup: PickupAsked) -> Disposition[None]:
    """Returns the disposition that authorises a pick-up; raises InvalidInput for a wrong expiry or quantity."""
    expire = pickup.expire or date_at(write.market_day) + timedelta(days=PICKUP_DAYS)
    _check_expiry(expire, date_at(write.market_day))
    asked = _question(write.connection, pickup.loan_id, pickup.asset_id, pickup.quantity)

    def check(before: Positions) -> None:
        answer = _answer(write.connection, asked, before)
        if not answer.allowed:
            cash = {"cash": f"{answer.cash.major} {answer.cash.currency}"} if answer.cash else {}
            raise Refused("PICKUP_REFUSED", answer.reason, largest=f"{answer.largest:f} {answer.unit}", **cash)

    def authorise() -> None:
        if asked.quantity > asked.lot.quantity * MILLION:
            raise InvalidInput(
                "quantity", pickup.quantity, f"at most the {asked.lot.quantity:f} {asked.lot.unit} of the lot"
            )
        authorised = Pickup(
            pickup.pickup_id, pickup.loan_id, pickup.asset_id, asked.quantity, asked.lot.unit, expire, note=pickup.note
        )
        insert_pickup(write, authorised, asked.loan.key, asked.asset.key)

    removes = loans_of_assets(write.connection, np.array([asked.asset.key], dtype=np.int64)).tolist()
    return Disposition(asked.asset.key, [asked.loan.key], removes, check, authorise, _explain)


def cancel_pickup(write: Write, loan_id: str, pickup_id: str) -> StoredPickup:
    """Cancels an authorisation; the quantity not yet taken counts again."""
    stored = get_pickup(write.connection, loan_id, pickup_id)
    if stored.pickup.state != PickupState.AUTHORISED:
        name = f"loans/{loan_id}/pickups/{pickup_id}"
        raise Refused("PICKUP_ENDED", f"{name} is {stored.pickup.state.name} already")
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
    return Refused("PICKUP_REFUSED", "the rest would no longer cover every loan on the lot")


def _question(connection: Connection, loan_id: str, asset_id: str, quantity: Decimal) -> _Question:
    loan, asset = get_loan(connection, loan_id), get_asset(connection, asset_id)
    lot = asset.asset.detail
    if not isinstance(lot, Inventory):
        raise InvalidInput("asset", f"assets/{asset_id}", "an inventory lot: only goods can be fetched")
    pledges = active_pledges_on(connection, asset.key)
    if not any(row.loan_key == loan.key for row in pledges):
        raise Refused("ASSET_NOT_PLEDGED", f"assets/{asset_id} is not pledged to loans/{loan_id}")
    millionths = quantity * MILLION
    if millionths != millionths.to_integral_value() or not 0 < millionths <= 10**18:
        raise InvalidInput("quantity", quantity, "more than 0, at most 10^12, with at most 6 decimals")
    return _Question(loan, asset, lot, pledges, int(millionths))


def _static_floors(connection: Connection, asked: _Question) -> list[tuple[StoredPledge, int]]:
    """What must stay of each static pledge on the lot, in millionths."""
    static = [row for row in asked.pledges if row.pledge.mode == PledgeMode.STATIC]
    return [(row, static_hold(connection, row).must_stay()) for row in static]


def _may_leave(
    left: ReleaseScenario, floors: Sequence[tuple[StoredPledge, int]], asked: _Question, quantity: int
) -> bool:
    rest = left.counted - quantity
    kept = all(rest * row.pledge.share_ppm // PPM >= floor for row, floor in floors)
    return rest >= 0 and kept and not left.uncovered_after(quantity) and asked.quantity > 0


def _first_guess(left: ReleaseScenario, asked: _Question) -> int:
    """The largest release of the asked loan's claim (rules.md section 4) as goods, in millionths."""
    claim = left.claim_of(asked.loan.key)
    exposure, pool, target = left.terms_of(asked.loan.key)
    most = int(largest_release(*(np.array([n]) for n in (exposure, pool, claim, target)))[0])
    return left.counted * most // claim if claim else left.counted


def _refusal(connection: Connection, asked: _Question, left: ReleaseScenario, largest: Decimal) -> PickupAnswer:
    """Why not, the most that may leave, and the cash from this loan that would free the whole."""
    unit, loan = asked.lot.unit, asked.loan
    if asked.quantity > left.counted:
        reason = f"quantity: got {plain_quantity(asked.quantity, unit)}, want at most the "
        reason += f"{plain_quantity(left.counted, unit)} of assets/{asked.asset.asset.asset_id} that count"
        return PickupAnswer(allowed=False, largest=largest, unit=unit, cash=None, reason=reason)
    exposure, _, target = left.terms_of(loan.key)
    cash = cash_to_reach(exposure, left.pool_after(loan.key, asked.quantity), target)
    for row in asked.pledges:
        if row.loan_key == loan.key and row.pledge.mode == PledgeMode.STATIC:
            rest = (left.counted - asked.quantity) * row.pledge.share_ppm // PPM
            cash = max(cash, static_hold(connection, row).cash_for(rest))
    money = Money(cash, loan.loan.currency)
    others = [row.pledge for row in asked.pledges if row.loan_key in left.uncovered_after(asked.quantity)]
    names = ", ".join(sorted({f"loans/{one.loan_id}" for one in others if one.loan_id != loan.loan.loan_id}))
    reason = f"at most {largest:f} {unit} may leave, or all of it against {money.major} {money.currency} of cash"
    reason += f"; {names} would not be covered either" if names else ""
    return PickupAnswer(allowed=False, largest=largest, unit=unit, cash=money, reason=reason)


def _check_expiry(expire: date, today: date) -> None:
    last = today + timedelta(days=PICKUP_DAYS_LIMIT)
    if not today <= expire <= last:
        raise InvalidInput("expire_date", expire, f"{today} to {last}")
