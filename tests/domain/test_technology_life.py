"""The technology life of a right counts from the day it was stated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from collateral_registry.domain.assets import Asset, IntellectualProperty
from collateral_registry.domain.money import Money
from collateral_registry.domain.technology_life import with_day_stated
from valuation.ip.legal_terms import RightKind

THEN, NOW, GIVEN = date(2022, 1, 3), date(2026, 1, 5), date(2021, 6, 1)


def right(years: str | None, stated: date | None = None) -> Asset:
    """A patent with a technology life stated on a day."""
    rate = Decimal("0.1")
    detail = IntellectualProperty(RightKind.PATENT, "CN", "1", Money(100, "CNY"), rate, rate, rate)
    life = None if years is None else Decimal(years)
    detail = replace(detail, technology_life_years=life, technology_life_date=stated)
    return Asset("patent-1", "Firm", "ip.patent", "CNY", detail)


def stated_day(asset: Asset, before: Asset | None) -> date | None:
    """The day that the life of the asset counts from."""
    detail = with_day_stated(asset, before, NOW).detail
    assert isinstance(detail, IntellectualProperty)
    return detail.technology_life_date


def test_a_new_life_counts_from_today_or_from_the_day_given_with_it() -> None:
    assert stated_day(right("5"), None) == NOW
    assert stated_day(right("5", GIVEN), None) == GIVEN
    assert stated_day(right("6", THEN), right("5", THEN)) == NOW
    assert stated_day(right("6"), right("5", THEN)) == NOW
    assert stated_day(right("6", GIVEN), right("5", THEN)) == GIVEN


def test_a_life_that_stays_keeps_its_day_unless_another_is_given() -> None:
    assert stated_day(right("5", THEN), right("5", THEN)) == THEN
    assert stated_day(right("5"), right("5", THEN)) == THEN
    assert stated_day(right("5", GIVEN), right("5", THEN)) == GIVEN


def test_without_a_life_there_is_no_day() -> None:
    assert stated_day(right(None, THEN), right("5", THEN)) is None
