"""The least value of goods that must stay controlled, and what a repayment frees (rules.md sections 3 and 4).

Amounts are whole minor units; ratios are whole millionths.
"""

from __future__ import annotations

from dataclasses import dataclass

from valuation.money import PPM


@dataclass(frozen=True)
class ControlledValue:
    """The collateral of a loan compared with its floor, on the loan's basis.

    ``controlled`` is the claim value of goods under dynamic pledges, ``other`` that of the remaining collateral.
    ``market`` is the market value of all collateral. ``releasable`` and ``releasable_other`` are the values of the
    goods and of the remaining collateral by which releases are decided, at the lower of the price in use and a newer
    quarantined one.
    """

    exposure: int
    target_ppm: int
    controlled: int
    other: int
    market: int
    releasable: int
    releasable_other: int
    coverage_unknown: bool

    @property
    def floor(self) -> int:
        """Least collateral value that keeps the LTV at the target: exposure / target, rounded up."""
        return floor_of(self.exposure, self.target_ppm)

    @property
    def goods_floor(self) -> int:
        """Part of the floor that the goods must cover, because the other collateral does not."""
        return max(self.floor - self.other, 0)

    @property
    def gap(self) -> int:
        """Value by which the goods fall short of the floor."""
        return max(self.goods_floor - self.controlled, 0)

    @property
    def room(self) -> int:
        """Value of goods that may leave; 0 while the coverage is unknown."""
        needed = max(self.floor - self.releasable_other, 0)
        return 0 if self.coverage_unknown else max(self.releasable - needed, 0)

    @property
    def market_pledge_rate(self) -> float | None:
        """Exposure / market value of all collateral; None if the market value is 0."""
        return self.exposure / self.market if self.market else None


def floor_of(exposure: int, target_ppm: int) -> int:
    """Returns exposure / target ratio, rounded up."""
    return -(-exposure * PPM // target_ppm)


def cash_to_reach(exposure: int, pool: int, target_ppm: int) -> int:
    """Returns the repayment after which the collateral value ``pool`` is at least the floor."""
    return max(exposure - pool * target_ppm // PPM, 0)


def static_floor(pledged: int, exposure: int, peak: int) -> int:
    """Returns the quantity that must stay under a static pledge: pledged x exposure / peak exposure, rounded up."""
    return 0 if peak <= 0 else -(-pledged * min(exposure, peak) // peak)


def cash_to_free(pledged: int, left: int, exposure: int, peak: int) -> int:
    """Returns the smallest repayment that lowers the quantity that must stay to at most ``left``.

    The quantity must stay under a static pledge.
    """
    return max(exposure - left * peak // pledged, 0) if pledged > 0 and peak > 0 else 0
