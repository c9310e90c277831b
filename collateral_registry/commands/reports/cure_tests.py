"""Tests whether cash or an asset would cure a breach (rules.md section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.commands.loans.pool_quotes import quote_pool
from collateral_registry.commands.pipeline.loan_position import LoanPosition, position_of
from collateral_registry.domain.loans.breach_steps import Cure, CureStatus, CureVerdict
from collateral_registry.domain.loans.cure import cash_cure, collateral_cure
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.repository import StoredLoan
from valuation._typing import Int
from valuation.errors import InvalidInput


@dataclass(frozen=True)
class CureOffer:
    """Cash, or a registered asset that would be pledged; ``asset_id`` is empty for cash."""

    status: CureStatus
    cash: Money | None
    asset_id: str


def tested_cure(connection: Connection, loan: StoredLoan, offer: CureOffer) -> Cure:
    """Returns an offer with the result of its test on the newest judgement of a loan.

    Raises NotFound for the asset, and InvalidInput for cash of 0 or in a currency other than the loan's.
    """
    position = position_of(connection, loan.key)
    cash = _cash_of(offer, loan.loan.currency)
    claim, is_known = _claim_on(connection, offer.asset_id, loan.loan.currency)
    owed, pool = _one(max(position.owed - cash, 0)), _one(position.pool + claim)
    target = _one(position.target_ppm)
    remaining = int(cash_cure(owed, pool, target)[0])
    return Cure(
        status=offer.status,
        cash_minor=cash,
        asset_id=offer.asset_id,
        lendable_minor=claim,
        verdict=_verdict(position, offer, remaining, is_known=is_known),
        remaining_cash_minor=remaining,
        remaining_collateral_minor=int(collateral_cure(owed, pool, target)[0]),
    )


def _verdict(position: LoanPosition, offer: CureOffer, remaining: int, *, is_known: bool) -> CureVerdict:
    enters_base = position.has_base and bool(offer.asset_id)
    if position.coverage_unknown or position.never_valued or enters_base or not is_known:
        return CureVerdict.UNKNOWN
    return CureVerdict.INSUFFICIENT if remaining else CureVerdict.SUFFICIENT


def _cash_of(offer: CureOffer, currency: str) -> int:
    if offer.cash is None:
        return 0
    if offer.cash.currency != currency:
        raise InvalidInput("cash", offer.cash.currency, f"the loan's currency {currency}")
    if not offer.cash.minor:
        raise InvalidInput("cash", offer.cash.major, "more than 0")
    return offer.cash.minor


def _claim_on(connection: Connection, asset_id: str, currency: str) -> tuple[int, bool]:
    """Returns the lendable claim of a new pledge on an asset, and whether the value of the asset is known."""
    if not asset_id:
        return 0, True
    (pooled,) = quote_pool(connection, [asset_id], currency).assets
    return pooled.lendable_claim, not pooled.valued.row["unknown"]


def _one(value: int) -> Int:
    return np.array([value], dtype=np.int64)
