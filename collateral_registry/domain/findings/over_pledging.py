"""What is pledged or receipted in a place can never exceed what is there: sums and allotments of one place and good.

Quantities are whole millionths of one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.shared.units import conversion_factor
from valuation.money import PPM


@dataclass(frozen=True)
class Claim:
    """What one asset claims of a place: the pledged share of its quantity, the whole of its receipt.

    ``told`` is what a feed tells of the very lot, in the asset's unit; none where no feed does.
    """

    asset_key: int
    asset_id: str
    unit: str
    quantity: int
    stated: int
    receipted: bool
    pledged_ppm: int
    holders: str = ""
    told: int | None = None

    @property
    def present(self) -> int:
        """Its quantity, or less where the feed tells less already: the quantity follows when the book takes it up."""
        return self.quantity if self.told is None else min(self.quantity, self.told)

    def claimed_in(self, unit: str) -> int:
        """What is claimed, in millionths of a unit, rounded up."""
        own = self.stated if self.receipted else -(-self.present * self.pledged_ppm // PPM)
        return converted(own, self.unit, unit, ROUND_CEILING)

    def counted_share(self, claimed: int, held: int, leaving: int) -> float:
        """The share of the asset's quantity that counts, in [0, 1]: what stands behind the claim, less what may leave.

        ``claimed`` and ``held`` are of one unit, ``leaving`` of the asset's. Of a receipt no more than what is held
        counts; of a pledged share so much that the share of it is held.
        """
        if self.quantity <= 0:
            return 1.0
        behind = self.quantity
        if held < claimed:
            own = self.stated if self.receipted else self.present
            behind = min(self.quantity, own * held // claimed)
        return max(behind - leaving, 0) / self.quantity


def converted(millionths: int, unit: str, into: str, rounding: str) -> int:
    """Millionths of one unit as millionths of another, rounded to whole ones."""
    if unit == into:
        return millionths
    return int((millionths * conversion_factor(unit, into)).to_integral_value(rounding))


def millionths_of(quantity: Decimal) -> int:
    """A quantity in millionths, rounded up: a claim is never told smaller than it is."""
    return int((quantity * MILLION).to_integral_value(ROUND_CEILING))


def plain_quantity(millionths: int, unit: str) -> str:
    """Millionths as a person reads them."""
    return f"{(Decimal(millionths) / MILLION).normalize():f} {unit}"


def allotted(claimed: Sequence[int], there: int) -> list[int]:
    """The part of what is there that stands behind each claim [n]: the claim, or its share pro rata, rounded down.

    The sum never exceeds what is there once the claims do.
    """
    total = sum(claimed)
    if total <= there:
        return list(claimed)
    return [one * max(there, 0) // total for one in claimed]
