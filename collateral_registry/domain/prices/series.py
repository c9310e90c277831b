"""Price series of goods and of exchange rates."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.domain.prices.exchange_rates import series_id_of
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.names import checked_id, checked_text
from collateral_registry.domain.shared.units import checked_spelling
from valuation.errors import InvalidInput, check_all

MAX_AGE_LIMIT_DAYS = 3650
FX_MAX_AGE_DAYS = 7

HUNDREDTHS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ZAC": "ZAR", "ILa": "ILS", "ILA": "ILS", "USc": "USD"}
"""Codes of vendors for a hundredth of a currency, in which prices of some markets are quoted."""


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
            lambda: checked_id("price_series.good", self.good),
            lambda: checked_spelling("price_series.unit", self.unit),
        )

    def _check_age(self) -> None:
        if not 1 <= self.max_age_days <= MAX_AGE_LIMIT_DAYS:
            raise InvalidInput("price_series.max_age_days", self.max_age_days, f"1 to {MAX_AGE_LIMIT_DAYS}")


def fx_series(base: str, quote: str) -> PriceSeries:
    """Returns the series of a currency pair's rates; raises InvalidInput for unknown or equal currencies."""
    _check_currency("base_currency_code", base)
    _check_currency("quote_currency_code", quote)
    if base == quote:
        raise InvalidInput("quote_currency_code", quote, f"a currency other than the base currency {base}")
    return PriceSeries(series_id_of(base, quote), "", base, quote, "", "", FX_MAX_AGE_DAYS, is_fx=True)


def _check_currency(field: str, code: str) -> None:
    if code in HUNDREDTHS:
        want = f"{HUNDREDTHS[code]}, of which {code} is a hundredth; convert the rate"
        raise InvalidInput(field, repr(code), want)
    try:
        digits_of(code)
    except InvalidInput as error:
        raise InvalidInput(field, error.got, error.want) from None
