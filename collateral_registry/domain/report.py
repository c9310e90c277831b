"""Totals and concentrations of a report: sums per currency, never across currencies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from collateral_registry.domain.levels import Level


class Dimension(IntEnum):
    """What a concentration is by; the numbers are sent."""

    GOOD = 1
    WAREHOUSE = 2
    BORROWER = 3


@dataclass(frozen=True)
class Total:
    """Sums over the loans of one currency, in minor units."""

    currency: str
    loans: int
    breaches: int
    unknown: int
    exposure_minor: int
    market_minor: int
    lendable_minor: int


@dataclass(frozen=True)
class Concentration:
    """A key's share of the lendable value of one currency."""

    dimension: Dimension
    key: str
    currency: str
    lendable_minor: int
    share: float


def totals(rows: Sequence[dict[str, Any]]) -> list[Total]:
    """One total per currency in order of their codes."""
    return [
        Total(
            currency=currency,
            loans=len(own),
            breaches=sum(row["level"] >= Level.MARGIN_CALL for row in own),
            unknown=sum(row["coverage_unknown"] for row in own),
            exposure_minor=sum(row["exposure_minor"] for row in own),
            market_minor=sum(row["market_minor"] for row in own),
            lendable_minor=sum(row["lendable_minor"] for row in own),
        )
        for currency in sorted({row["currency_code"] for row in rows})
        for own in [[row for row in rows if row["currency_code"] == currency]]
    ]


def concentrations(claims: Iterable[tuple[str, str, str, str, int]]) -> list[Concentration]:
    """Shares by good, warehouse and borrower from claims (currency, borrower, good, place, lendable), largest first."""
    sums: dict[tuple[Dimension, str, str], int] = {}
    whole: dict[str, int] = {}
    for currency, borrower, good, place, lendable in claims:
        whole[currency] = whole.get(currency, 0) + lendable
        keys = ((Dimension.GOOD, good), (Dimension.WAREHOUSE, place), (Dimension.BORROWER, borrower))
        for dimension, key in keys:
            if key:
                sums[dimension, key, currency] = sums.get((dimension, key, currency), 0) + lendable
    found = [
        Concentration(dimension, key, currency, lendable, lendable / whole[currency])
        for (dimension, key, currency), lendable in sums.items()
        if whole[currency]
    ]
    return sorted(found, key=lambda one: (one.dimension, one.currency, -one.lendable_minor, one.key))
