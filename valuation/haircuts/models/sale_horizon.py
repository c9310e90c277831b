"""Duration and price impact of a sale, from the quantity and the market's daily volume.

    days       = ceil(quantity / (participation x daily volume))
    horizon    = age + cure + enforcement + (n + 1)(2n + 1) / (6n)       linear liquidation over n days
    impact     = coefficient x daily volatility x sqrt(quantity / daily volume)

The position is sold in n equal daily parts. The mean price of the sale has the same variance as a single price at the
horizon given above. The impact is the empirical square-root law of B. Toth et al., Physical Review X 1 (2011), doi
10.1103/PhysRevX.1.021006 (docs/models/sale-horizon.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from valuation.errors import InvalidInput
from valuation.haircuts.models.price_haircut import HaircutModel, PriceHaircut, haircut
from valuation.statistics.closed_forms import linear_liquidation_factor

PARTICIPATION = 0.10
"""Largest share of the daily volume that can be sold without dominating the market; 10 to 20 % are usual."""

SELLING_DAYS_LIMIT = 7_000
"""Longest duration of a sale in business days; its horizon is below that which can be simulated."""

IMPACT_COEFFICIENT = 1.0
"""Coefficient of the square-root law: the upper end of the empirical range of 0.5 to 1."""


@dataclass(frozen=True)
class Sale:
    """Quantity to sell, market volume, and the time before the sale can start.

    Attributes:
        quantity: quantity in the unit of ``daily_volume``; with 0, the sale takes one day and has no impact.
        daily_volume: volume that the market trades in a day.
        age_days, cure_days, enforcement_days: business days from the date of the price to today, in the borrower's
            cure period, and from the end of that period to the first sale.
        participation: largest share of the daily volume to sell in a day.
        impact: coefficient of the square-root law.
    """

    quantity: float = 0.0
    daily_volume: float = math.inf
    age_days: int = 0
    cure_days: int = 0
    enforcement_days: int = 0
    participation: float = PARTICIPATION
    impact: float = IMPACT_COEFFICIENT

    def __post_init__(self) -> None:
        """Raises InvalidInput for attributes out of range."""
        if not self.quantity >= 0.0 or not math.isfinite(self.quantity):
            raise InvalidInput("quantity", self.quantity, "0 or more")
        if not self.daily_volume > 0.0:
            raise InvalidInput("daily_volume", self.daily_volume, "more than 0")
        if not 0.0 < self.participation <= 1.0:
            raise InvalidInput("participation", self.participation, "more than 0 and at most 1")
        if self.quantity > SELLING_DAYS_LIMIT * self.participation * self.daily_volume:
            raise InvalidInput("quantity", self.quantity, f"at most the volume of {SELLING_DAYS_LIMIT} selling days")
        for name in ("age_days", "cure_days", "enforcement_days", "impact"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(name, getattr(self, name), "0 or more")

    @property
    def selling_days(self) -> int:
        """Duration of the sale in business days, at least 1."""
        return max(math.ceil(self.quantity / (self.participation * self.daily_volume)), 1) if self.quantity else 1

    @property
    def waiting_days(self) -> int:
        """Business days before the sale."""
        return self.age_days + self.cure_days + self.enforcement_days

    @property
    def horizon_days(self) -> int:
        """Horizon in business days, rounded up, at which a single price has the variance of the mean sale price."""
        return self.waiting_days + math.ceil(float(linear_liquidation_factor(self.selling_days)) ** 2)

    @property
    def last_day(self) -> int:
        """Business days until the sale is complete."""
        return self.waiting_days + self.selling_days

    def price_impact(self, daily_volatility: float) -> float:
        """Returns the share of the price lost to the impact of the sale itself, at most 1."""
        if not self.quantity:
            return 0.0
        return min(self.impact * daily_volatility * math.sqrt(self.quantity / self.daily_volume), 1.0)


@dataclass(frozen=True)
class SaleHaircut:
    """Market haircut at the horizon of the sale, and the liquidity part, which is the price impact of the sale."""

    market: PriceHaircut
    impact: float

    @property
    def loss(self) -> float:
        """Share of the price that is lost to the market fall and the price impact together."""
        return after_impact(self.market.loss, self.impact)

    @property
    def expected_shortfall(self) -> float:
        """Mean loss beyond the quantile, including the price impact."""
        return after_impact(self.market.expected_shortfall, self.impact)


def after_impact(loss: float, impact: float) -> float:
    """Combines a loss with the price impact on the remaining value: 1 - (1 - loss)(1 - impact)."""
    return 1.0 - (1.0 - loss) * (1.0 - impact)


def sale_haircut(
    prices: ArrayLike,
    dates: ArrayLike,
    sale: Sale,
    confidence: float = 0.99,
    *,
    model: HaircutModel = HaircutModel.POOLED,
    seed: int = 0,
) -> SaleHaircut:
    """Computes the haircut of dated quotes [n] for a sale; NaN if the model gives no estimate.

    Raises InvalidInput as ``haircut`` does.
    """
    market = haircut(prices, dates, sale.horizon_days, confidence, model=model, seed=seed)
    return SaleHaircut(market, sale.price_impact(market.daily_volatility))
