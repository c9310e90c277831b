"""Checks draws against the newest judgement of a loan."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np

from collateral_registry.commands.loans.up_to_date import are_judged_today
from collateral_registry.commands.pipeline.loan_position import LoanPosition, position_of
from collateral_registry.domain.loans.agreements import Loan, LoanState
from collateral_registry.domain.loans.draws import BaseGate, DrawRefusal, DrawTerms, headroom
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.repository import get_loan
from valuation.errors import InvalidInput
from valuation.flags import UnknownReason
from valuation.money import PPM


@dataclass(frozen=True)
class DrawAnswer:
    """The largest allowed draw, the rule and the reason if the draw is refused, and the figures that decide it.

    The draw is allowed if ``refusal`` is None. ``binding`` is the rule that refuses more than the largest draw.
    """

    headroom: Money
    binding: DrawRefusal
    refusal: DrawRefusal | None
    reason: str
    loan: Loan
    position: LoanPosition
    day: date

    @property
    def availability(self) -> int | None:
        """The availability under a borrowing base in minor units; None for a loan without one."""
        terms, position = self.loan.base_terms, self.position
        if terms is None or not position.has_base:
            return None
        return terms.base_terms(self.loan.credit_limit).availability(position.pool, position.owed)

    @property
    def ltv_limit_ppm(self) -> int:
        """LTV that the loan may reach by a draw, in millionths."""
        terms = self.loan.base_terms
        return PPM - terms.draw_buffer_ppm if terms and self.position.has_base else self.position.target_ppm

    @property
    def allowed(self) -> bool:
        """Whether the draw is allowed."""
        return self.refusal is None


def check_draw(connection: Connection, loan_id: str, amount: Money) -> DrawAnswer:
    """Returns whether a draw is allowed, by the newest judgement of the loan (domain/loans/draws.py).

    Raises NotFound, and InvalidInput for an amount of 0 or in a currency other than the loan's.
    """
    stored = get_loan(connection, loan_id)
    loan = stored.loan
    if amount.currency != loan.currency:
        raise InvalidInput("amount", amount.currency, f"the loan's currency {loan.currency}")
    if not amount.minor:
        raise InvalidInput("amount", amount.major, "more than 0")
    _, market_day = newest_commit(connection)
    day, position = date_at(market_day), position_of(connection, stored.key)
    is_judged = bool(are_judged_today(connection, np.array([stored.key], dtype=np.int64)).all())
    most = headroom(replace(terms_of_draw(loan, position, day), is_judged=is_judged))
    largest = Money(most.largest, loan.currency)
    if amount.minor <= most.largest:
        return DrawAnswer(largest, most.refusal, None, "", loan, position, day)
    reason = _reason(most.refusal, amount, largest, loan, position)
    return DrawAnswer(largest, most.refusal, most.refusal, reason, loan, position, day)


def terms_of_draw(loan: Loan, position: LoanPosition, day: date) -> DrawTerms:
    """Returns the terms and the position of a loan that is judged for a day as an input of the rule of draws."""
    gate = None
    if position.has_base and loan.base_terms is not None:
        gate = BaseGate(
            block=loan.base_terms.base_terms(None).block_minor,
            over_advance=loan.base_terms.over_advance_minor(day),
            target_ppm=PPM - loan.base_terms.draw_buffer_ppm,
            margin_call_ppm=position.margin_call_ppm,
        )
    return replace(
        draw_terms(position),
        gate=gate,
        credit_limit=loan.credit_limit.minor if loan.credit_limit else None,
        is_closed=loan.state == LoanState.CLOSED,
        is_matured=loan.maturity is not None and loan.maturity < day,
        certificate_overdue=bool(position.unknown & UnknownReason.CERTIFICATE_OVERDUE),
    )


def draw_terms(position: LoanPosition) -> DrawTerms:
    """Returns the position of a judged loan as an input of the rule of draws."""
    names = {field.name for field in fields(DrawTerms)} & {field.name for field in fields(LoanPosition)}
    return replace(DrawTerms(**{name: getattr(position, name) for name in names}), exposure=position.owed)


def _reason(refusal: DrawRefusal, amount: Money, largest: Money, loan: Loan, position: LoanPosition) -> str:
    """Returns the sentence that explains a refusal."""
    most = f"amount: got {amount.major}, want at most {largest.major} {largest.currency}"
    return {
        DrawRefusal.LOAN_CLOSED: "the loan is closed: draw an active loan",
        DrawRefusal.NOT_JUDGED: "the loan is not judged for the business date yet: check again after the revaluation",
        DrawRefusal.COVERAGE_UNKNOWN: (
            f"{most}: beyond it, coverage is UNKNOWN until every asset of the loan can be valued"
            if largest.minor
            else "coverage is UNKNOWN: no draw until every asset that decides the level can be valued"
        ),
        DrawRefusal.LEVEL: f"the loan is at {position.level.name}: no draws until the breach is cured",
        DrawRefusal.COVER: f"{most}, which the collateral covers",
        DrawRefusal.BASE: f"{most}, which is available under the borrowing base",
        DrawRefusal.BLOCK: f"{most}: the rest of the availability is blocked",
        DrawRefusal.CERTIFICATE_OVERDUE: (
            "a certificate of the borrowing base is overdue: no draw until it is submitted"
        ),
        DrawRefusal.CREDIT_LIMIT: f"{most}, which remains of the credit limit",
        DrawRefusal.MATURED: f"the last day of the loan was {loan.maturity}: no draws until its maturity_date is later",
        DrawRefusal.QUARANTINED_PRICE: (
            f"{most}, by a newer, lower price in quarantine: draws are decided by it until it is confirmed or corrected"
        ),
    }[refusal]
