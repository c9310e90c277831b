"""Decides whether a loan may be drawn, and up to which amount (rules.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from collateral_registry.domain.loans.cure import largest_draw, largest_owed_below
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
    BASE = 9
    BLOCK = 10
    CERTIFICATE_OVERDUE = 11


@dataclass(frozen=True)
class BaseGate:
    """What the terms of a borrowing base add to the rule of draws, in minor units and millionths.

    ``target_ppm`` is the share of the base that may be used by a draw. ``over_advance`` is the amount above it that the
    lender permits on the business date.
    """

    block: int = 0
    over_advance: int = 0
    target_ppm: int = PPM
    margin_call_ppm: int = PPM + 1


@dataclass(frozen=True)
class DrawTerms:
    """A loan before a draw. Amounts are in minor units; collateral values are on the loan's basis.

    Of a loan with a borrowing base, ``exposure`` is the used amount, and the collateral values are bases.
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
    certificate_overdue: bool = False
    gate: BaseGate | None = None


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
    bounds = _bounds_by_cover(terms) if terms.gate is None else _bounds_by_base(terms, terms.gate)
    if (known := _largest_with_known_coverage(terms)) is not None:
        bounds.append(Headroom(known, DrawRefusal.COVERAGE_UNKNOWN))
    least = min(bounds, key=lambda bound: bound.largest)
    return Headroom(max(least.largest, 0), least.refusal)


def _bounds_by_cover(terms: DrawTerms) -> list[Headroom]:
    """Returns the largest draws by the collateral and by the credit limit."""
    by_price = largest_draw(terms.exposure, terms.pool, terms.target_ppm)
    by_decision = largest_draw(terms.exposure, terms.decision_pool, terms.target_ppm)
    bounds = [Headroom(by_decision, DrawRefusal.QUARANTINED_PRICE if by_decision < by_price else DrawRefusal.COVER)]
    if terms.credit_limit is not None:
        bounds.append(Headroom(max(terms.credit_limit - terms.exposure, 0), DrawRefusal.CREDIT_LIMIT))
    return bounds


def _bounds_by_base(terms: DrawTerms, gate: BaseGate) -> list[Headroom]:
    """Returns the largest draws by the base and the line, less the block, and by the loan's own margin call.

    They are negative where more is used than may be. The margin call is below the base only if the loan states one. A
    permitted over-advance is drawn beyond either, and only its amount.
    """
    over_advance = _over_advance(terms, gate)
    used = terms.exposure + gate.block
    by_price, by_decision = (
        pool * gate.target_ppm // PPM + over_advance - used for pool in (terms.pool, terms.decision_pool)
    )
    bounds = [Headroom(by_decision, DrawRefusal.QUARANTINED_PRICE if by_decision < by_price else DrawRefusal.BASE)]
    if terms.credit_limit is not None:
        bounds.append(Headroom(terms.credit_limit - used, DrawRefusal.CREDIT_LIMIT))
    least = min(bounds, key=lambda bound: bound.largest)
    if least.largest <= 0 < least.largest + gate.block:
        bounds = [Headroom(0, DrawRefusal.BLOCK)]
    below = largest_owed_below(terms.decision_pool, gate.margin_call_ppm) + over_advance - terms.exposure
    return [*bounds, Headroom(below, DrawRefusal.COVER)]


def _over_advance(terms: DrawTerms, gate: BaseGate) -> int:
    """Returns the permitted over-advance; 0 while values are unknown, because it would make the coverage UNKNOWN."""
    return gate.over_advance if terms.good_pool == terms.pool else 0


def _is_barred_by_level(terms: DrawTerms) -> bool:
    """Returns whether the level refuses every draw.

    A loan with a base is drawn up to its margin call, so that no draw is made while its breach is open.
    """
    gate = terms.gate
    breached = gate is not None and terms.level >= Level.MARGIN_CALL and not _over_advance(terms, gate)
    return breached or terms.level >= Level.STOP_DRAW


def _bar(terms: DrawTerms) -> DrawRefusal | None:
    """Returns the rule that refuses every draw, whatever its amount; None if no rule does."""
    unknown = terms.coverage_unknown or terms.never_valued
    rules = (
        (terms.is_closed, DrawRefusal.LOAN_CLOSED),
        (terms.is_matured, DrawRefusal.MATURED),
        (not terms.is_judged, DrawRefusal.NOT_JUDGED),
        (unknown and terms.certificate_overdue, DrawRefusal.CERTIFICATE_OVERDUE),
        (unknown, DrawRefusal.COVERAGE_UNKNOWN),
        (_is_barred_by_level(terms), DrawRefusal.LEVEL),
    )
    return next((refusal for holds, refusal in rules if holds), None)


def _largest_with_known_coverage(terms: DrawTerms) -> int | None:
    """Returns the largest draw after which conservative and last good values still give one level; None for no bound.

    Below the margin call they differ only if the conservative values reach WATCH and the last good values do not.
    """
    watched = terms.judged >= Level.WATCH or terms.exposure > largest_owed_below(terms.good_pool, terms.watch_ppm)
    if terms.good_pool == terms.pool or watched:
        return None
    return max(largest_owed_below(terms.pool, terms.watch_ppm) - terms.exposure, 0)
