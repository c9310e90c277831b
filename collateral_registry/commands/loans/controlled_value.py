"""Computes a loan's controlled value and floor, and the part of a static pledge that must stay."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.pipeline.loan_position import decision_claims, position_of
from collateral_registry.domain.assets.kinds import Inventory
from collateral_registry.domain.findings.over_pledging import millionths_of
from collateral_registry.domain.loans.agreements import PledgeMode
from collateral_registry.domain.loans.controlled_value import ControlledValue, cash_to_free, static_floor
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.store.assets.repository import document_as_of
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.judgements import newest_claims
from collateral_registry.store.loans.pickups import peak_exposure
from collateral_registry.store.loans.pledges import StoredPledge, active_pledges_of, first_of_pledge
from collateral_registry.store.loans.repository import StoredLoan
from valuation.money import PPM


@dataclass(frozen=True)
class StaticHold:
    """The figures that determine how much of a static pledge must stay.

    They are the initial quantity in millionths, the peak exposure since the pledge, and the current exposure. An asset
    without a quantity counts as one unit.
    """

    initial: int
    peak: int
    exposure: int

    def must_stay(self) -> int:
        """Returns the quantity that repayment has not freed."""
        return static_floor(self.initial, self.exposure, self.peak)

    def cash_for(self, left: int) -> int:
        """Returns the smallest repayment that lowers the quantity that must stay to at most ``left``."""
        return cash_to_free(self.initial, left, self.exposure, self.peak)


def controlled_value(connection: Connection, loan: StoredLoan) -> ControlledValue:
    """Returns the controlled value of a loan, with its floor and gap, according to its newest judgement."""
    position = position_of(connection, loan.key)
    pledges = active_pledges_of(connection, loan.key)
    claims = newest_claims(connection, [row.key for row in pledges])
    lendable = position.basis == LtvBasis.LENDABLE
    dynamic = [row for row in pledges if row.pledge.mode == PledgeMode.DYNAMIC and _is_goods(connection, row)]
    controlled = sum(claims.get(row.key, (0, 0))[lendable] for row in dynamic)
    decided = decision_claims(connection, loan.key) if position.is_withheld else {}
    releasable = sum(decided.get(row.key, 0) for row in dynamic) if position.is_withheld else controlled
    return ControlledValue(
        exposure=position.owed,
        target_ppm=position.target_ppm,
        controlled=controlled,
        other=position.pool - controlled,
        market=sum(market for market, _ in claims.values()),
        releasable=releasable,
        releasable_other=position.decision_pool - releasable,
        coverage_unknown=position.coverage_unknown,
    )


def static_hold(connection: Connection, stored: StoredPledge) -> StaticHold:
    """Returns the hold of a static pledge.

    It is computed from the first terms of the pledge, the lot at that time, and the balances since.
    """
    first, seq = first_of_pledge(connection, stored.key)
    lot = document_as_of(connection, stored.asset_key, seq).detail
    quantity = millionths_of(lot.quantity) if isinstance(lot, Inventory) else MILLION
    return StaticHold(
        initial=quantity * first.share_ppm // PPM,
        peak=peak_exposure(connection, stored.loan_key, seq),
        exposure=position_of(connection, stored.loan_key).exposure,
    )


def _is_goods(connection: Connection, stored: StoredPledge) -> bool:
    """Returns whether a pledge is on an inventory lot."""
    return isinstance(document_as_of(connection, stored.asset_key, None).detail, Inventory)
