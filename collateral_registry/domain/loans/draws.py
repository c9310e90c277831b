"""Decides whether a loan may be drawn, and up to which amount (rules.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from collateral_registry.domain.loans.cure import largest_draw
from collateral_registry.domain.loans.levels import Level
from valuation.money import PPM


class DrawRefusal(IntEnum):
    """The rule that refuses a draw; the numeric values are sent."""

    LOAN_CLOSED = 1
    NOT_JUDGED = 2
    COVERAGE_UNKNOWN = 3
    LEVEL = 4
    COVER = 5
    CREDIT_LIMIT = 6
    MATURED = 7
    QUARANTINED_PRICE = 8


@dataclass(frozen=True)
class DrawTerms:
    """A loan before a draw. Amounts are in minor units; collateral values are on the loan's basis.

    ``pool`` is the conservative collateral value, ``good_pool`` counts unknown assets at their last good value, and
    ``decision_pool`` is the conservative one at the lower of the price in use and a newer quarantined one.
    ``never_valued`` states that an asset has no last good value. ``judged`` is the level that follows from the LTV, and
    ``level`` also takes a missed deadline into account.
    """

    exposure: int
    pool: int
    good_pool: int
    decision_pool: int
    watch_ppm: int
    target_ppm: int
    judged: Level
    level: Level
    coverage_unknown: bool
    never_valued: bool
    credit_limit: int | None = None
    is_closed: bool = False
    is_matured: bool = False
    is_judged: bool = True


@dataclass(frozen=True)
class Headroom:
    """The largest permitted draw in minor units, and the rule that refuses a larger one."""

    largest: int
    refusal: DrawRefusal


def headroom(terms: DrawTerms) -> Headroom:
    """Returns the largest draw for which every rule holds; 0 if a rule refuses every draw.

    A draw must keep the loan covered by the lower of the price in use and a newer quarantined one, within its credit
    limit, and with known coverage.
    """
    barred = _bar(terms)
    if barred is not None:
        return Headroom(0, barred)
    by_price = largest_draw(terms.exposure, terms.pool, terms.target_ppm)
    by_decision = largest_draw(terms.exposure, terms.decision_pool, terms.target_ppm)
    bounds = [Headroom(by_decision, DrawRefusal.QUARANTINED_PRICE if by_decision < by_price else DrawRefusal.COVER)]
    if terms.credit_limit is not None:
        bounds.append(Headroom(max(terms.credit_limit - terms.exposure, 0), DrawRefusal.CREDIT_LIMIT))
    if (known := _largest_with_known_coverage(terms)) is not None:
        bounds.append(Headroom(known, DrawRefusal.COVERAGE_UNKNOWN))
    return min(bounds, key=lambda bound: bound.largest)


def _bar(terms: DrawTerms) -> DrawRefusal | None:
    """Returns the rule that refuses every draw, whatever its amount; None if no rule does."""
    rules = (
        (terms.is_closed, DrawRefusal.LOAN_CLOSED),
        (terms.is_matured, DrawRefusal.MATURED),
        (not terms.is_judged, DrawRefusal.NOT_JUDGED),
        (terms.coverage_unknown or terms.never_valued, DrawRefusal.COVERAGE_UNKNOWN),
        (terms.level >= Level.STOP_DRAW, DrawRefusal.LEVEL),
    )
    return next((refusal for holds, refusal in rules if holds), None)


def _largest_with_known_coverage(terms: DrawTerms) -> int | None:
    """Returns the largest draw after which conservative and last good values still give one level; None for no bound.

    Below the margin call they differ only if the conservative values reach WATCH and the last good values do not.
    """
    watched = terms.judged >= Level.WATCH or terms.exposure * PPM >= terms.good_pool * terms.watch_ppm
    if terms.good_pool == terms.pool or watched:
        return None
    first_watched = -(-terms.pool * terms.watch_ppm // PPM)
    return max(first_watched - 1 - terms.exposure, 0)
