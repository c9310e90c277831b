"""The least goods value that must stay under control, and what a repayment frees (rules.md sections 3 and 4).

Amounts are whole minor units; ratios are whole millionths.
"""

from __future__ import annotations

from dataclasses import dataclass

from valuation.money import PPM


@dataclass(frozen=True)
class ControlledValue:
    """A loan's floor and what stands above it, on the loan's basis.

    ``controlled`` is what the goods of dynamic pledges are claimed at, ``other`` the rest of the pool.
    """

    exposure: int
    target_ppm: int
    controlled: int
    other: int
    market: int
    coverage_unknown: bool

    @property
    def floor(self) -> int:
        """The least pool that keeps LTV at the target: exposure / target, rounded up."""
        return floor_of(self.exposure, self.target_ppm)

    @property
    def goods_floor(self) -> int:
        """The part of the floor that the goods must hold: what the rest of the pool does not."""
        return max(self.floor - self.other, 0)

    @property
    def gap(self) -> int:
        """What is missing under the floor."""
        return max(self.goods_floor - self.controlled, 0)

    @property
    def room(self) -> int:
        """What may leave above the floor; nothing while the cover cannot be stood behind."""
        return 0 if self.coverage_unknown else max(self.controlled - self.goods_floor, 0)

    @property
    def market_pledge_rate(self) -> float | None:
        """Exposure over market value of the pool; none where nothing stands against it."""
        return self.exposure / self.market if self.market else None


def floor_of(exposure: int, target_ppm: int) -> int:
    """Exposure / target ratio, rounded up."""
    return -(-exposure * PPM // target_ppm)


def cash_to_reach(exposure: int, pool: int, target_ppm: int) -> int:
    """The repayment after which the pool is no less than the floor."""
    return max(exposure - pool * target_ppm // PPM, 0)


def static_floor(pledged: int, exposure: int, peak: int) -> int:
    """What must stay of a static pledge of so many goods: the part not repaid since the most was owed, rounded up."""
    return 0 if peak <= 0 else -(-pledged * min(exposure, peak) // peak)


def cash_to_free(pledged: int, left: int, exposure: int, peak: int) -> int:
    """The repayment after which no more than ``left`` must stay of a static pledge."""
    return max(exposure - left * peak // pledged, 0) if pledged > 0 and peak > 0 else 0
