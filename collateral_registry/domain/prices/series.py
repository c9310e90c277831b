"""Price series, and conversion between currencies by quoted, inverse and cross rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collateral_registry.domain.prices.market_data import FxQuote
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.shared.units import checked_unit
from valuation.errors import InvalidInput, check_all

MAX_AGE_LIMIT_DAYS = 3650
FX_MAX_AGE_DAYS = 7


@dataclass(frozen=True)
class PriceSeries:
    """A series of dated unit prices of one good in one currency, unit and market, or of rates of a currency pair."""

    series_id: str
    good: str
    unit: str
    currency: str
    market: str = ""
    source: str = ""
    max_age_days: int = 7
    is_fx: bool = False

    def __post_init__(self) -> None:
        """Validates every field; raises InvalidInput."""
        check_all(
            lambda: checked_id("price_series_id", self.series_id),
            lambda: digits_of(self.currency),
            self._check_good,
            lambda: checked_text("price_series.market", self.market, required=False),
            lambda: checked_text("price_series.source", self.source, required=False),
            self._check_age,
        )

    def _check_good(self) -> None:
        if self.is_fx:
            digits_of(self.unit)
            return
        check_all(
            lambda: checked_id("price_series.good", self.good), lambda: checked_unit("price_series.unit", self.unit)
        )

    def _check_age(self) -> None:
        if not 1 <= self.max_age_days <= MAX_AGE_LIMIT_DAYS:
            raise InvalidInput("price_series.max_age_days", self.max_age_days, f"1 to {MAX_AGE_LIMIT_DAYS}")


def fx_series(base: str, quote: str) -> PriceSeries:
    """Returns the series of a currency pair's rates; raises InvalidInput for unknown or equal currencies."""
    digits_of(base)
    digits_of(quote)
    if base == quote:
        raise InvalidInput("quote_currency_code", quote, f"a currency other than the base currency {base}")
    series_id = f"fx-{base.lower()}-{quote.lower()}"
    return PriceSeries(series_id, "", base, quote, "", "", FX_MAX_AGE_DAYS, is_fx=True)


def fx_paths(
    quotes: Mapping[tuple[str, str], FxQuote], pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], FxQuote | None]:
    """Returns the rate of each pair: a quoted rate, the inverse of one, or a cross rate through one common currency.

    If several common currencies are possible, the one whose older leg is the most recent is used. Ties are resolved
    in alphabetical order, so that the result is deterministic. The rate is None if no currency connects the pair.
    """
    rates = dict(quotes)
    rates.update({(quote, base): _inverse(fx) for (base, quote), fx in quotes.items() if (quote, base) not in quotes})
    return {pair: rates.get(pair) or _cross(rates, *pair) for pair in pairs}


def _inverse(quote: FxQuote) -> FxQuote:
    return FxQuote(1.0 / quote.rate, quote.day, tuple((key, -sign) for key, sign in quote.legs), quote.history_seq)


def _cross(quotes: Mapping[tuple[str, str], FxQuote], source: str, target: str) -> FxQuote | None:
    paths = [
        (-min(first.day, second.day), middle, first, second)
        for (start, middle), first in quotes.items()
        if start == source and (second := quotes.get((middle, target))) is not None
    ]
    if not paths:
        return None
    _, _, first, second = min(paths, key=lambda path: path[:2])
    day = min(first.day, second.day)
    history_seq = max(first.history_seq, second.history_seq)
    return FxQuote(first.rate * second.rate, day, first.legs + second.legs, history_seq)
