"""Survival probabilities of an IP asset's income."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from valuation.errors import InvalidInput


@dataclass(frozen=True)
class Survival:
    """Yearly survival probabilities of an IP asset's income, one for each kind of risk."""

    legal: Decimal = Decimal(1)
    technical: Decimal = Decimal(1)
    commercial: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        """Raises InvalidInput for a probability outside (0, 1], because only a stated status makes an asset worth 0."""
        for name in ("legal", "technical", "commercial"):
            probability = getattr(self, name)
            if not (probability.is_finite() and 0 < probability <= 1):
                raise InvalidInput(f"intellectual_property.survival.{name}", probability, "more than 0, at most 1")

    @property
    def product(self) -> Decimal:
        """Probability of surviving all three risks, which are assumed independent."""
        return self.legal * self.technical * self.commercial
