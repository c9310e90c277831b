"""What a right is worth under a question: its distribution, its brackets, its score, and its life beside a loan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np

from collateral_registry.domain.assets.kinds import IntellectualProperty, Survival
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
EARNING_YEARS_LIMIT = 100
NO_DOUBT_GIVEN = "NO_DOUBT_GIVEN"
"""Flag of an answer without spread: the value that may be pledged is the forecast itself."""

EVIDENCE = (
    "No public prices can prove a value of intellectual property: this is arithmetic on the forecasts given, "
    "tested against worked examples, limits and monotonicity."
)


@dataclass(frozen=True)
class RightQuestion:
    """What a right is valued under; None where it is not asked or not known, shares and rates as ratios."""

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
        """Whether anything is said to be uncertain."""
        ends = (self.royalty_low, self.royalty_high, self.discount_low, self.discount_high)
        return self.revenue_log_sd > 0.0 or self.life_low_share < 1.0 or any(end is not None for end in ends)

    def __post_init__(self) -> None:
        """Raises InvalidInput for a level or a share out of range; the models check the rest."""
        if not QUANTILE_LEVELS[0] <= self.pledge_level <= QUANTILE_LEVELS[-1]:
            raise InvalidInput("pledge_level", self.pledge_level, f"{QUANTILE_LEVELS[0]} to {QUANTILE_LEVELS[-1]}")
        if not 0.0 < self.life_low_share <= 1.0:
            raise InvalidInput("doubt.life_low_share", self.life_low_share, "more than 0, at most 1")
        if self.earnings_after_tax and self.excess_earnings is not None:
            raise InvalidInput("brackets.excess_earnings", self.excess_earnings, "a value or its years, not both")
        if len(self.earnings_after_tax) > EARNING_YEARS_LIMIT:
            raise InvalidInput(
                "brackets.earnings", len(self.earnings_after_tax), f"at most {EARNING_YEARS_LIMIT} years"
            )


@dataclass(frozen=True)
class RightAnswer:
    """The value of a right in major units of its currency, NaN or 0 where ``reasons`` say why.

    ``cap`` is the most of the value that is lent against it, NaN where the policy has none; ``flags`` weaken it.
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
    """Values a right on a day (days from 1970-01-01); the same right, day and question give the same bytes.

    Indicators of the question move royalty and discount rate within and beyond the doubt as their tier says. Without
    them those of the register count, as in the book: for the cap and its vetoes alone. ``policy_cap`` is that of the
    class of the right, NaN where the policy has none. ``stated`` is why the asset counts for nothing whatever the right
    earns: such a fact outranks all that is not known, as in the book. Raises InvalidInput as the models do.
    """
    today = np.datetime64(day, "D")
    life, expire = life_of(right, day), _dates(right.expire)
    asked = score_right(question.indicators, state) if question.indicators else None
    score = asked or (score_right(right.indicators, state) if right.indicators else None)
    columns, doubt = _inputs(right, question, asked, float(np.nan_to_num(life)))
    share = float(right.owned_share)
    drawn = value_distribution(columns, doubt, np.array([_seed(right, day)]))
    value = float(relief_from_royalty(columns).value[0]) * share
    zero, unknown = status_effect(np.array([int(right.legal_status)], np.int8), expire, today)
    nothing = int(zero[0]) | stated | (ZeroReason.DOUBLE_PLEDGED if state.pledged_elsewhere else ZeroReason.NONE)
    reasons = _reasons(nothing, int(unknown[0]), life)

    def counted(amount: float) -> float:
        """0 for a stated nothing, NaN for what nobody knows."""
        if nothing:
            return 0.0
        return float("nan") if reasons else amount

    brackets = _brackets(right, question, life)
    return RightAnswer(
        value=counted(value),
        mean=counted(float(drawn.mean[0]) * share),
        quantiles=tuple(counted(float(one) * share) for one in drawn.quantiles[0]),
        pledge_value=counted(float(drawn.at(question.pledge_level)[0]) * share),
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
    """The policy's cap after the tier of the score; 0 under a veto whatever the policy says."""
    share = score.cap_share if score else 1.0
    return policy_cap * share if share else 0.0


def life_of(right: IntellectualProperty, day: int) -> float:
    """Remaining life of a right in years on a day (days from 1970-01-01); NaN where it is not known."""
    filing, grant, expire = (_dates(one) for one in (right.filing, right.grant, right.expire))
    kind, office = np.array([int(right.right_kind)], np.int8), np.array([right.office], dtype=object)
    today = np.datetime64(day, "D")
    stated = _column(right.technology_life_years), _dates(right.technology_life_date)
    technology = technology_years_left(*stated, today)
    return float(remaining_life_years(kind, office, filing, grant, expire, technology, today).years[0])


def _inputs(
    right: IntellectualProperty, question: RightQuestion, score: RightScore | None, life: float
) -> tuple[RoyaltyColumns, RoyaltyDoubt]:
    """The model's columns of one right and their doubt, moved by the tier of the score."""
    royalty, discount = float(right.royalty_rate), float(right.discount_rate)
    royalty_low, royalty_high = _ends(royalty, question.royalty_low, question.royalty_high)
    discount_low, discount_high = _ends(discount, question.discount_low, question.discount_high)
    if score:
        royalty = royalty_low + score.tier.royalty_place * (royalty_high - royalty_low)
        premium = score.tier.discount_premium
        discount, discount_low, discount_high = (
            min(rate + premium, RATE_LIMIT) for rate in (discount, discount_low, discount_high)
        )
    columns = RoyaltyColumns(
        next_year_revenue=np.array([float(right.next_year_revenue.major)]),
        growth=np.array([float(right.growth)]),
        royalty_rate=np.array([royalty]),
        tax_rate=np.array([float(right.tax_rate)]),
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
    """Why the right counts for nothing, or else why its value is not known."""
    if zero:
        return tuple(reason.name or "" for reason in ZeroReason if zero & reason)
    words = [reason.name or "" for reason in UnknownReason if unknown & reason]
    if np.isnan(life):
        words.append("MISSING_INPUT")
    elif life <= 0.0 and "RIGHT_EXPIRED" not in words:
        words.append("RIGHT_EXPIRED")
    return tuple(words)


def _loan_life(life: float, question: RightQuestion) -> LoanLife:
    if question.loan_years is None:
        return LoanLife.UNKNOWN
    return LoanLife(int(life_against_loan(life, question.loan_years)))


def _brackets(right: IntellectualProperty, question: RightQuestion, life: float) -> Brackets:
    """The values that the income value is set against, of the owner's share; NaN where nothing was told."""
    made_again = float("nan")
    if question.reproduction_cost is not None:
        obsolescence = (question.functional_obsolescence, question.economic_obsolescence)
        made_again = float(reproduction_cost(question.reproduction_cost, *obsolescence))
    earned = _column(question.excess_earnings)
    if question.earnings_after_tax or question.contributory_charges:
        earned = np.array([_excess_earnings(right, question, life) * float(right.owned_share)])
    return Brackets(np.array([made_again]), earned, _column(question.market_price))


def _excess_earnings(right: IntellectualProperty, question: RightQuestion, life: float) -> float:
    """The value by excess earnings at the discount rate of the right; NaN while its life is not known.

    Without terminal growth the years end with the life of the right.
    """
    if np.isnan(life):
        return float("nan")
    earned, charged = (
        np.asarray(one, np.float64) for one in (question.earnings_after_tax, question.contributory_charges)
    )
    if question.terminal_growth is None:
        earned, charged = earnings_within(earned, life), earnings_within(charged, life)
    return excess_earnings(earned, charged, float(right.discount_rate), question.terminal_growth)


def _bracket_names(value: float, brackets: Brackets) -> tuple[str, ...]:
    bits = int(bracket_flags(np.array([value]), brackets)[0])
    return tuple(flag.name or "" for flag in BracketFlag if bits & flag)


def _column(value: object) -> Float:
    return np.array([np.nan if value is None else float(str(value))], dtype=np.float64)


def _dates(on: date | None) -> np.ndarray:
    day = day_of(on)
    return np.array(["NaT" if day == NO_DAY else np.datetime64(day, "D")], dtype="datetime64[D]")


def _seed(right: IntellectualProperty, day: int) -> int:
    """A seed of the right and the day, so that an answer can be had again."""
    digest = hashlib.sha256(f"{right.identity} {day}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
