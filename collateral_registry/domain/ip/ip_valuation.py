"""Values an IP asset under stated assumptions: distribution, brackets, score, and remaining life."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np

from collateral_registry.domain.assets.kinds import IntellectualProperty
from collateral_registry.domain.assets.survival import Survival
from collateral_registry.domain.shared.days import NO_DAY, day_of
from valuation._typing import Float
from valuation.errors import InvalidInput
from valuation.flags import UnknownReason, ZeroReason
from valuation.ip.cost_and_market import (
    BracketFlag,
    Brackets,
    bracket_flags,
    earnings_within,
    excess_earnings,
    reproduction_cost,
)
from valuation.ip.distribution import QUANTILE_LEVELS, RoyaltyDoubt, value_distribution
from valuation.ip.events import RightState
from valuation.ip.life import remaining_life_years, technology_years_left
from valuation.ip.loan_life import LoanLife, life_against_loan
from valuation.ip.relief_from_royalty import RATE_LIMIT, RoyaltyColumns, relief_from_royalty
from valuation.ip.score import RightScore, score_right
from valuation.ip.status import status_effect

PLEDGE_LEVEL = 0.10
"""Default quantile of the value distribution that is taken as the pledge value."""

EARNING_YEARS_LIMIT = 100
NO_DOUBT_GIVEN = "NO_DOUBT_GIVEN"
"""Flag of a result without stated uncertainty, whose pledge value equals the point forecast."""

EVIDENCE = (
    "No public prices can confirm a value of intellectual property. This value is computed from the given forecasts; "
    "the computation is tested against worked examples, limits and monotonicity."
)


@dataclass(frozen=True)
class RightQuestion:
    """Assumptions of a valuation. Those that are not stated are None.

    Shares and rates are ratios. Amounts are in major units.
    """

    revenue_log_sd: float = 0.0
    royalty_low: float | None = None
    royalty_high: float | None = None
    life_low_share: float = 1.0
    discount_low: float | None = None
    discount_high: float | None = None
    reproduction_cost: float | None = None
    functional_obsolescence: float = 0.0
    economic_obsolescence: float = 0.0
    market_price: float | None = None
    excess_earnings: float | None = None
    earnings_after_tax: Sequence[float] = ()
    contributory_charges: Sequence[float] = ()
    terminal_growth: float | None = None
    indicators: Mapping[str, float] = field(default_factory=dict)
    pledge_level: float = PLEDGE_LEVEL
    loan_years: float | None = None
    operating_margin: float | None = None

    @property
    def has_doubt(self) -> bool:
        """Whether any input is stated to be uncertain."""
        ends = (self.royalty_low, self.royalty_high, self.discount_low, self.discount_high)
        return self.revenue_log_sd > 0.0 or self.life_low_share < 1.0 or any(end is not None for end in ends)

    def __post_init__(self) -> None:
        """Raises InvalidInput for a level, share or number of years out of range; the models check all other fields."""
        if not QUANTILE_LEVELS[0] <= self.pledge_level <= QUANTILE_LEVELS[-1]:
            raise InvalidInput("pledge_level", self.pledge_level, f"{QUANTILE_LEVELS[0]} to {QUANTILE_LEVELS[-1]}")
        if not 0.0 < self.life_low_share <= 1.0:
            raise InvalidInput("doubt.life_low_share", self.life_low_share, "more than 0, at most 1")
        if self.earnings_after_tax and self.excess_earnings is not None:
            raise InvalidInput("brackets.excess_earnings", self.excess_earnings, "no value when earnings are given")
        if len(self.earnings_after_tax) > EARNING_YEARS_LIMIT:
            raise InvalidInput(
                "brackets.earnings", len(self.earnings_after_tax), f"at most {EARNING_YEARS_LIMIT} years"
            )


@dataclass(frozen=True)
class RightAnswer:
    """The value of an IP asset in major units of its currency. It is NaN or 0 for the causes in ``reasons``.

    ``cap`` is the largest share of the value that may be lent, NaN if the policy has none. ``flags`` name weaknesses of
    the result. ``brackets`` name the comparison values that the income value contradicts.
    """

    value: float
    mean: float
    quantiles: tuple[float, ...]
    pledge_value: float
    life_years: float
    loan_life: LoanLife
    score: RightScore | None
    cap: float
    reasons: tuple[str, ...]
    brackets: tuple[str, ...]
    bracket_values: Brackets
    flags: tuple[str, ...]
    annual_survival: Decimal
    survival: Survival | None


def value_right(
    right: IntellectualProperty,
    state: RightState,
    question: RightQuestion,
    day: int,
    policy_cap: float,
    stated: ZeroReason = ZeroReason.NONE,
) -> RightAnswer:
    """Values an IP asset on a day (days from 1970-01-01). Equal inputs give identical results.

    If the question has indicators, the tier of their score adjusts the royalty and the discount rate. Otherwise the
    registered indicators are used as in the book: they affect only the cap and its vetoes. ``policy_cap`` is the cap of
    the asset's class, or NaN if the policy has none. ``stated`` is a reason to value the asset at 0. As in the book,
    this reason takes precedence over unknown inputs. Raises InvalidInput as the models do.
    """
    today = np.datetime64(day, "D")
    life, expire = life_of(right, day), _dates(right.expire)
    requested = score_right(question.indicators, state) if question.indicators else None
    score = requested or (score_right(right.indicators, state) if right.indicators else None)
    columns, doubt = _inputs(right, question, requested, float(np.nan_to_num(life)))
    share = float(right.owned_share)
    distribution = value_distribution(columns, doubt, np.array([_seed(right, day)]))
    value = float(relief_from_royalty(columns).value[0]) * share
    by_status, unknown = status_effect(np.array([int(right.legal_status)], np.int8), expire, today)
    zero = int(by_status[0]) | stated | (ZeroReason.DOUBLE_PLEDGED if state.pledged_elsewhere else ZeroReason.NONE)
    reasons = _reasons(zero, int(unknown[0]), life)

    def counted(amount: float) -> float:
        """Returns 0 if there is a reason for a value of 0, NaN if the value is unknown, otherwise the amount."""
        if zero:
            return 0.0
        return float("nan") if reasons else amount

    brackets = _brackets(right, question, life)
    return RightAnswer(
        value=counted(value),
        mean=counted(float(distribution.mean[0]) * share),
        quantiles=tuple(counted(float(one) * share) for one in distribution.quantiles[0]),
        pledge_value=counted(float(distribution.at(question.pledge_level)[0]) * share),
        life_years=life,
        loan_life=_loan_life(life, question),
        score=score,
        cap=_cap(policy_cap, score),
        reasons=reasons,
        brackets=_bracket_names(value, brackets),
        bracket_values=brackets,
        flags=() if question.has_doubt else (NO_DOUBT_GIVEN,),
        annual_survival=right.yearly_survival,
        survival=right.survival,
    )


def _cap(policy_cap: float, score: RightScore | None) -> float:
    """Returns the policy's cap adjusted by the tier of the score; 0 under a veto, even if the policy has no cap."""
    share = score.cap_share if score else 1.0
    return policy_cap * share if share else 0.0


def life_of(right: IntellectualProperty, day: int) -> float:
    """Returns the remaining life of an IP asset in years on a day (days from 1970-01-01); NaN if it is unknown."""
    filing, grant, expire = (_dates(one) for one in (right.filing, right.grant, right.expire))
    kind, office = np.array([int(right.right_kind)], np.int8), np.array([right.office], dtype=object)
    today = np.datetime64(day, "D")
    stated = _column(right.technology_life_years), _dates(right.technology_life_date)
    technology = technology_years_left(*stated, today)
    return float(remaining_life_years(kind, office, filing, grant, expire, technology, today).years[0])


def _inputs(
    right: IntellectualProperty, question: RightQuestion, score: RightScore | None, life: float
) -> tuple[RoyaltyColumns, RoyaltyDoubt]:
    """Returns the model's columns of one IP asset and their uncertainty, adjusted by the tier of the score."""
    royalty, discount = (_number(one) for one in (right.royalty_rate, right.discount_rate))
    royalty_low, royalty_high = _ends(royalty, question.royalty_low, question.royalty_high)
    discount_low, discount_high = _ends(discount, question.discount_low, question.discount_high)
    if score:
        royalty = royalty_low + score.tier.royalty_place * (royalty_high - royalty_low)
        premium = score.tier.discount_premium
        discount, discount_low, discount_high = (
            min(rate + premium, RATE_LIMIT) for rate in (discount, discount_low, discount_high)
        )
    columns = RoyaltyColumns(
        next_year_revenue=_column(right.next_year_revenue and right.next_year_revenue.major),
        growth=np.array([float(right.growth)]),
        royalty_rate=np.array([royalty]),
        tax_rate=_column(right.tax_rate),
        discount_rate=np.array([discount]),
        annual_survival=np.array([float(right.yearly_survival)]),
        remaining_life_years=np.array([life]),
        mid_year=np.array([True]),
        amortisation_years=np.array([float(right.amortisation_years)]),
        operating_margin=_column(question.operating_margin),
    )
    ends = (royalty_low, royalty_high, life * question.life_low_share, life, discount_low, discount_high)
    return columns, RoyaltyDoubt(np.array([question.revenue_log_sd]), *(np.array([end]) for end in ends))


def _ends(mode: float, low: float | None, high: float | None) -> tuple[float, float]:
    return (mode if low is None else low, mode if high is None else high)


def _reasons(zero: int, unknown: int, life: float) -> tuple[str, ...]:
    """Returns the names of the reasons for a value of 0. If there are none, returns those for an unknown value."""
    if zero:
        return tuple(reason.name or "" for reason in ZeroReason if zero & reason)
    names = [reason.name or "" for reason in UnknownReason if unknown & reason]
    if np.isnan(life):
        names.append("MISSING_INPUT")
    elif life <= 0.0 and "RIGHT_EXPIRED" not in names:
        names.append("RIGHT_EXPIRED")
    return tuple(names)


def _loan_life(life: float, question: RightQuestion) -> LoanLife:
    if question.loan_years is None:
        return LoanLife.UNKNOWN
    return LoanLife(int(life_against_loan(life, question.loan_years)))


def _brackets(right: IntellectualProperty, question: RightQuestion, life: float) -> Brackets:
    """Returns the values with which the value of the owned share is compared; NaN if unknown.

    They are derived from cost, excess earnings and market price.
    """
    cost = float("nan")
    if question.reproduction_cost is not None:
        obsolescence = (question.functional_obsolescence, question.economic_obsolescence)
        cost = float(reproduction_cost(question.reproduction_cost, *obsolescence))
    earned = _column(question.excess_earnings)
    if question.earnings_after_tax or question.contributory_charges:
        earned = np.array([_excess_earnings(right, question, life) * float(right.owned_share)])
    return Brackets(np.array([cost]), earned, _column(question.market_price))


def _excess_earnings(right: IntellectualProperty, question: RightQuestion, life: float) -> float:
    """Returns the value by excess earnings at the asset's discount rate; NaN if its life is unknown.

    Without terminal growth, earnings beyond the remaining life are ignored.
    """
    if np.isnan(life):
        return float("nan")
    earnings, charges = (
        np.asarray(one, np.float64) for one in (question.earnings_after_tax, question.contributory_charges)
    )
    if question.terminal_growth is None:
        earnings, charges = earnings_within(earnings, life), earnings_within(charges, life)
    return excess_earnings(earnings, charges, _number(right.discount_rate), question.terminal_growth)


def _bracket_names(value: float, brackets: Brackets) -> tuple[str, ...]:
    bits = int(bracket_flags(np.array([value]), brackets)[0])
    return tuple(flag.name or "" for flag in BracketFlag if bits & flag)


def _number(value: object) -> float:
    """Returns a stated number as a float; NaN if it is not stated."""
    return float("nan") if value is None else float(str(value))


def _column(value: object) -> Float:
    return np.array([_number(value)], dtype=np.float64)


def _dates(on: date | None) -> np.ndarray:
    day = day_of(on)
    return np.array(["NaT" if day == NO_DAY else np.datetime64(day, "D")], dtype="datetime64[D]")


def _seed(right: IntellectualProperty, day: int) -> int:
    """Returns a random seed derived from the asset and the day, so that results are reproducible."""
    digest = hashlib.sha256(f"{right.identity} {day}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
