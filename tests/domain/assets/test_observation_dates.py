"""An IP asset's technology life is dated by the day it was stated, a machine's hours by the day they were read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty
from collateral_registry.domain.assets.observation_dates import check_hours, with_observation_dates
from collateral_registry.domain.shared.money import Money
from valuation.errors import InvalidInput
from valuation.ip.legal_terms import RightKind

THEN, NOW, GIVEN = date(2022, 1, 3), date(2026, 1, 5), date(2021, 6, 1)


def right(years: str | None, stated: date | None = None) -> Asset:
    """Returns a patent with a technology life stated on a day."""
    rate = Decimal("0.1")
    detail = IntellectualProperty(RightKind.PATENT, "CN", "1", Money(100, "CNY"), rate, rate, rate)
    life = None if years is None else Decimal(years)
    detail = replace(detail, technology_life_years=life, technology_life_date=stated)
    return Asset("patent-1", "Firm", "ip.patent", "CNY", detail)


def stated_day(asset: Asset, before: Asset | None) -> date | None:
    """Returns the day from which the technology life of the asset is counted."""
    detail = with_observation_dates(asset, before, NOW).detail
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


def machine(hours: str | None, read: date | None = None, inspected: date | None = None) -> Asset:
    """Returns a lathe with hours read on one day and inspected on another."""
    price = Money(100, "CNY")
    reading = None if hours is None else Decimal(hours)
    detail = Equipment("Okura", "QT", "7", "metalworking_machines", price, hours=reading, hours_date=read)
    return Asset("lathe-1", "Firm", "equipment.commodity_machine", "CNY", detail, last_inspection=inspected)


def read_day(asset: Asset, before: Asset | None) -> date | None:
    """Returns the day of the meter reading of the asset."""
    detail = with_observation_dates(asset, before, NOW).detail
    assert isinstance(detail, Equipment)
    return detail.hours_date


def test_hours_are_dated_by_the_given_day_the_reported_inspection_or_today() -> None:
    assert read_day(machine("900", GIVEN, THEN), None) == GIVEN
    assert read_day(machine("900", None, THEN), None) == THEN
    assert read_day(machine("900"), None) == NOW


def test_changed_hours_get_a_new_day() -> None:
    before = machine("900", THEN, GIVEN)
    assert read_day(machine("950", THEN, GIVEN), before) == NOW
    assert read_day(machine("950", THEN, NOW), before) == NOW
    assert read_day(machine("950", GIVEN, GIVEN), before) == GIVEN


def test_the_same_hours_keep_their_day_until_an_inspection_reads_them_again() -> None:
    before = machine("900", GIVEN)
    assert read_day(machine("900", GIVEN), before) == GIVEN
    assert read_day(machine("900"), before) == GIVEN
    assert read_day(machine("900", GIVEN, THEN), before) == THEN


def test_without_hours_there_is_no_day() -> None:
    assert read_day(machine(None, THEN), machine("900", THEN)) is None


def read_after(hours: str, built: date) -> Asset:
    """Returns a lathe built on a day whose meter was read on ``NOW``."""
    asset = machine(hours, NOW)
    assert isinstance(asset.detail, Equipment)
    return replace(asset, detail=replace(asset.detail, built=built))


def test_a_meter_cannot_run_more_than_24_hours_a_day() -> None:
    yesterday = NOW - timedelta(days=1)
    check_hours(read_after("48", yesterday), None)

    with pytest.raises(InvalidInput, match=r"equipment\.hours: got 48\.1, want at most 24 hours a day"):
        check_hours(read_after("48.1", yesterday), None)


def test_a_registered_reading_is_not_checked_again_when_other_fields_change() -> None:
    registered = read_after("49", NOW)
    check_hours(replace(registered, display_name="lathe"), registered)
