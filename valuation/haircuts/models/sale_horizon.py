"""How long a sale takes and what it moves the price: days from quantity against the market's volume, and the impact.

    days       = ceil(quantity / (participation x daily volume))
    horizon    = age + cure + enforcement + (n + 1)(2n + 1) / (6n)       linear liquidation over n days
    impact     = coefficient x daily volatility x sqrt(quantity / daily volume)

The k-th of n equal parts bears k days, so the mean price of the sale varies as a price of that horizon does. The square
root is the empirical law of B. Toth et al., Physical Review X 1 (2011), doi 10.1103/PhysRevX.1.021006
(docs/models/sale-horizon.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from valuation.errors import InvalidInput
from valuation.haircuts.models.price_haircut import HaircutModel, PriceHaircut, haircut
from valuation.statistics.closed_forms import linear_liquidation_factor

PARTICIPATION = 0.10
"""Share of the market's volume that a seller can be without being the market: the low end of the usual 10 to 20 %."""

SELLING_DAYS_LIMIT = 10_000
"""Days of a sale: forty years, beyond which nothing is a horizon."""

IMPACT_COEFFICIENT = 1.0
"""Of the square-root law, of order one in every market where it was measured: the high end of 0.5 to 1."""


@dataclass(frozen=True)
class Sale:
    """What is to be sold, and how long it takes to be allowed to.

    Attributes:
        quantity: in the unit of ``daily_volume``; 0 leaves size out: it is sold in a day without impact.
        daily_volume: what the market trades a day.
        age_days, cure_days, enforcement_days: business days from the price to today, of the borrower's time to cure,
            and from its end to the first sale.
        participation: largest share of the volume to sell a day.
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
        """Raises InvalidInput for what no sale can have."""
        if not self.quantity >= 0.0 or not math.isfinite(self.quantity):
            raise InvalidInput("quantity", self.quantity, "0 or more")
        if not self.daily_volume > 0.0:
            raise InvalidInput("daily_volume", self.daily_volume, "more than 0")
        if not 0.0 < self.participation <= 1.0:
            raise InvalidInput("participation", self.participation, "more than 0 and at most 1")
        if self.quantity > SELLING_DAYS_LIMIT * self.participation * self.daily_volume:
            raise InvalidInput("quantity", self.quantity, f"what {SELLING_DAYS_LIMIT} days of participation can sell")
        for name in ("age_days", "cure_days", "enforcement_days", "impact"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(name, getattr(self, name), "0 or more")

    @property
    def selling_days(self) -> int:
        """Business days of the sale, at least one."""
        return max(math.ceil(self.quantity / (self.participation * self.daily_volume)), 1) if self.quantity else 1

    @property
    def waiting_days(self) -> int:
        """Business days before it."""
        return self.age_days + self.cure_days + self.enforcement_days

    @property
    def horizon_days(self) -> int:
        """Business days of a price that varies as the mean price of the sale does, rounded up."""
        return self.waiting_days + math.ceil(float(linear_liquidation_factor(self.selling_days)) ** 2)

    @property
    def last_day(self) -> int:
        """Business days until all is sold."""
        return self.waiting_days + self.selling_days

    def price_impact(self, daily_volatility: float) -> float:
        """Share of the price that the sale itself takes, at most all of it."""
        if not self.quantity:
            return 0.0
        return min(self.impact * daily_volatility * math.sqrt(self.quantity / self.daily_volume), 1.0)


@dataclass(frozen=True)
class SaleHaircut:
    """The market's part at the horizon of the sale, the liquidity part that is its impact, and both together."""

    market: PriceHaircut
    impact: float

    @property
    def loss(self) -> float:
        """Share of the price lost by the market's fall and the sale's impact: each acts on what the other leaves."""
        return after_impact(self.market.loss, self.impact)

    @property
    def expected_shortfall(self) -> float:
        """The same of the mean loss beyond the quantile."""
        return after_impact(self.market.expected_shortfall, self.impact)


def after_impact(loss: float, impact: float) -> float:
    """A loss with what the sale takes of the rest: 1 - (1 - loss)(1 - impact)."""
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
    """The haircut of dated quotes [n] for a sale; NaN where there is no opinion. Raises InvalidInput as ``haircut``."""
    market = haircut(prices, dates, sale.horizon_days, confidence, model=model, seed=seed)
    return SaleHaircut(market, sale.price_impact(market.daily_volatility))
