"""The way from market value to lendable value, part by part of the haircut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from google.type.money_pb2 import Money

from collateral_registry.v1 import common_pb2, loan_pb2, valuation_pb2
from collateral_registry.web.pages.charts.bars import Step
from collateral_registry.web.pages.numbers import grouped, owed, ratio_of, value_of, worth
from collateral_registry.web.pages.rendering import word
from collateral_registry.web.pages.texts import Texts

SMALLEST_SHOWN = Decimal("0.5")
"""Deductions below half a unit are left out of a picture in whole units."""


@dataclass(frozen=True)
class Claim:
    """What a loan may count of an asset, with the valuation of the whole asset."""

    valuation: valuation_pb2.Valuation
    market: Money
    lendable: Money


@dataclass(frozen=True)
class Deduction:
    """A part of a haircut: its share of what the parts before it leave, and the amount."""

    part: int
    share: Decimal
    amount: Decimal
    stand_in: bool


def deductions_of(valuation: valuation_pb2.Valuation) -> list[Deduction]:
    """Returns the parts of the haircut of a valuation, as amounts of its adjusted value."""
    left, found = value_of(valuation.adjusted_value), []
    for step in valuation.haircut_steps:
        share = ratio_of(step.haircut) or Decimal(0)
        found.append(Deduction(step.part, share, left * share, step.stand_in))
        left -= left * share
    return found


def steps_of_claims(texts: Texts, claims: Sequence[Claim], cover: loan_pb2.LoanCover) -> list[Step]:
    """Returns the steps of a pool; what parts do not explain is the effect of floors, caps and limits of pledges."""
    market = sum((value_of(claim.market) for claim in claims), Decimal(0))
    lendable = sum((value_of(claim.lendable) for claim in claims), Decimal(0))
    by_part: dict[int, Decimal] = {}
    for claim in claims:
        whole = value_of(claim.valuation.adjusted_value)
        share = value_of(claim.market) / whole if whole else Decimal(0)
        for one in deductions_of(claim.valuation):
            by_part[one.part] = by_part.get(one.part, Decimal(0)) + one.amount * share
    steps = [Step(texts("loan.market"), float(market), grouped(market), "wf", is_total=True)]
    steps += [
        Step(word(texts, "part", part), float(amount), grouped(-amount), "wf-cut")
        for part, amount in by_part.items()
        if amount >= SMALLEST_SHOWN
    ]
    rest = market - lendable - sum(by_part.values(), Decimal(0))
    if abs(rest) >= SMALLEST_SHOWN:
        steps.append(Step(texts("loan.bounds"), float(rest), grouped(-rest), "wf-cut"))
    is_beyond = cover.level >= common_pb2.LTV_LEVEL_MARGIN_CALL
    steps.append(Step(texts("loan.lendable"), float(lendable), worth(cover.lendable_value), "wf", is_total=True))
    debt = float(value_of(cover.exposure).to_integral_value(ROUND_CEILING))
    steps.append(Step(texts("loan.owed"), debt, owed(cover.exposure), "f3" if is_beyond else "mark", is_total=True))
    return steps
