"""Exact monetary amounts: whole minor units of an ISO 4217 currency, within int64."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import iso4217

from valuation.errors import InvalidInput
from valuation.money import AMOUNT_LIMIT_MINOR


@cache
def digits_of(currency: str) -> int:
    """Returns the decimal places of a currency's minor unit; raises InvalidInput if ISO 4217 does not list it."""
    try:
        exponent = iso4217.Currency(currency).exponent
    except ValueError:
        exponent = None
    if exponent is None:
        raise InvalidInput("currency_code", repr(currency[:10]), "an ISO 4217 code of a currency in use, such as USD")
    return int(exponent)


@dataclass(frozen=True)
class Money:
    """A non-negative amount in minor units of its currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Raises InvalidInput for an unknown currency, a negative amount, or 2^53 minor units or more."""
        digits_of(self.currency)
        if not 0 <= self.minor < AMOUNT_LIMIT_MINOR:
            raise InvalidInput("amount", self.major, "0 or more and less than 2^53 minor units")

    @property
    def major(self) -> Decimal:
        """The amount in major units."""
        return Decimal(self.minor).scaleb(-digits_of(self.currency))


def _digits_for(field: str, currency: str) -> int:
    """Returns the decimal places of an amount's currency; an error names the field of the amount."""
    try:
        return digits_of(currency)
    except InvalidInput as error:
        raise error.named(lambda name: f"{field}.{name}") from None


def money_of(field: str, amount: Decimal, currency: str) -> Money:
    """Builds Money from major units.

    Raises InvalidInput for a fraction of the minor unit, a negative amount, or 2^53 minor units or more.
    """
    digits = _digits_for(field, currency)
    if not amount.is_finite() or amount.adjusted() > 20:
        raise InvalidInput(field, amount, "a finite amount of less than 2^53 minor units")
    minor = amount.scaleb(digits)
    if minor != minor.to_integral_value():
        raise InvalidInput(field, amount, f"at most {digits} decimals for {currency}")
    if not 0 <= minor < AMOUNT_LIMIT_MINOR:
        raise InvalidInput(field, amount, "0 or more and less than 2^53 minor units")
    return Money(int(minor), currency)
