"""Decides whether collateral may leave: one rule for releases, pledge updates, pick-ups and draws (rules.md section 5).

A disposition is a choice of the lender or borrower that may take collateral from a loan. It may never uncover a loan
that is covered, nor take collateral from a loan whose coverage is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from enum import StrEnum

from collateral_registry.domain.loans.agreements import Pledge, PledgeMode
from collateral_registry.domain.loans.collateral import ClaimSums
from collateral_registry.domain.loans.controlled_value import floor_of


class DispositionRefusal(StrEnum):
    """Why a disposition is refused."""

    COVERAGE_UNKNOWN = "COVERAGE_UNKNOWN"
    UNCOVERED = "UNCOVERED"


@dataclass(frozen=True)
class CoverState:
    """A loan before or after a disposition: exposure and collateral value in minor units of its currency.

    The collateral value is conservative, at the lower of the price in use and a newer quarantined one.
    ``target_ppm`` is the LTV, in millionths, that a covered loan does not exceed: the margin call less the buffer.
    ``claims`` are the sums of the loan's claims by conservative, last good and decision values. Under a borrowing base
    the collateral value is the base, which sublimits, reserves and an overdue certificate may hold still while claims
    leave.
    """

    exposure: int
    pool: int
    target_ppm: int
    coverage_unknown: bool
    claims: ClaimSums

    @property
    def is_covered(self) -> bool:
        """Whether exposure <= target x collateral value."""
        return self.exposure == 0 or self.pool >= floor_of(self.exposure, self.target_ppm)

    def is_lower_than(self, before: CoverState) -> bool:
        """Returns whether the collateral value or a sum of claims is lower than before."""
        claims = zip(astuple(self.claims), astuple(before.claims), strict=True)
        return self.pool < before.pool or any(now < then for now, then in claims)


def disposition_refusal(before: CoverState, after: CoverState, *, removes: bool) -> DispositionRefusal | None:
    """Returns why a disposition must be refused for one loan; None if it is permitted.

    ``removes`` states that the disposition takes something from the loan even if the conservative value does not fall.
    An example is the release of an asset without a value. A loan without exposure needs no collateral, so nothing is
    refused. While the coverage is UNKNOWN, nothing may be removed. Otherwise the loan must be covered afterwards, or
    neither its collateral value nor its claims may fall.
    """
    is_lower = after.is_lower_than(before)
    if after.exposure == 0 or not (removes or is_lower):
        return None
    if before.coverage_unknown or after.coverage_unknown:
        return DispositionRefusal.COVERAGE_UNKNOWN
    if after.is_covered or not is_lower:
        return None
    return DispositionRefusal.UNCOVERED


def lowers_terms(before: Pledge, after: Pledge) -> bool:
    """Returns whether there is an asset value at which new terms of a pledge give its loan less than the old terms.

    The registration of a pledge is a fact, not a term. What the registry says is recorded even if it leaves a loan
    uncovered.
    """
    limit_falls = after.limit is not None and (before.limit is None or after.limit.minor < before.limit.minor)
    return (
        after.state != before.state
        or after.share_ppm < before.share_ppm
        or after.rank > before.rank
        or limit_falls
        or (before.mode == PledgeMode.STATIC and after.mode != PledgeMode.STATIC)
    )


def only_registration_differs(before: Pledge, after: Pledge) -> bool:
    """Returns whether two versions of a pledge differ in nothing but the facts of its registration."""
    names = ("registry", "registration_number", "registered", "registration_expire")
    return replace(after, **{name: getattr(before, name) for name in names}) == before
