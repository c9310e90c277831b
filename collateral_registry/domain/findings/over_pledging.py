"""Over-pledging check: the claims on one good in one place must not exceed the available quantity.

Quantities are whole millionths of a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from math import ceil, floor

from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.domain.shared.units import conversion_factor
from valuation.money import PPM


@dataclass(frozen=True)
class Claim:
    """The quantity that one asset claims in a place.

    A warehouse receipt claims its full quantity. Any other asset claims the pledged share of its quantity. ``stated``
    is the declared or receipted quantity. ``reported`` is the quantity that a feed reports for the lot, in the asset's
    unit, or None if no feed reports the lot. ``holders`` names the secured loans.
    """

    asset_key: int
    asset_id: str
    unit: str
    quantity: int
    stated: int
    receipted: bool
    pledged_ppm: int
    holders: str = ""
    reported: int | None = None

    @property
    def present(self) -> int:
        """The asset's quantity, or the reported quantity if that is less.

        The next stock sync sets the asset's quantity to the reported quantity.
        """
        return self.quantity if self.reported is None else min(self.quantity, self.reported)

    def claimed_in(self, unit: str) -> int:
        """Returns the claimed quantity in millionths of a unit, rounded up."""
        own = self.stated if self.receipted else -(-self.present * self.pledged_ppm // PPM)
        return converted(own, self.unit, unit, ROUND_CEILING)

    def counted_share(self, claimed: int, held: int, leaving: int) -> float:
        """Returns the share of the asset's quantity that counts as collateral, in [0, 1].

        ``held`` is the part of the claim that available stock covers, in the same unit as ``claimed``. ``leaving`` is
        the quantity authorised for pick-up, in the asset's unit. If the claim is not fully covered, the counted
        quantity is reduced in proportion to ``held / claimed``.
        """
        if self.quantity <= 0:
            return 1.0
        covered = self.quantity
        if held < claimed:
            own = self.stated if self.receipted else self.present
            covered = min(self.quantity, own * held // claimed)
        return max(covered - leaving, 0) / self.quantity


def converted(millionths: int, unit: str, into: str, rounding: str) -> int:
    """Converts millionths of one unit to whole millionths of another, rounded by ROUND_CEILING or ROUND_FLOOR."""
    if unit == into:
        return millionths
    exact: Fraction = millionths * conversion_factor(unit, into)
    return ceil(exact) if rounding == ROUND_CEILING else floor(exact)


def millionths_of(quantity: Decimal) -> int:
    """Returns a quantity in millionths, rounded up so that a claim is never understated."""
    return int((quantity * MILLION).to_integral_value(ROUND_CEILING))


def plain_quantity(millionths: int, unit: str) -> str:
    """Formats millionths as a plain decimal with its unit."""
    return f"{(Decimal(millionths) / MILLION).normalize():f} {unit}"


def allotted(claimed: Sequence[int], available: int) -> list[int]:
    """Returns the quantity allotted to each claim [n].

    If the available quantity suffices, every claim is covered in full. Otherwise it is divided in proportion to the
    claims, rounded down.
    """
    total = sum(claimed)
    if total <= available:
        return list(claimed)
    return [one * max(available, 0) // total for one in claimed]
