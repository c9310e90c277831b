"""The book value of a machine agrees with calculation by hand, and is None where an input is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files

import pytest

from collateral_registry.domain.assets.kinds import Asset, Equipment
from collateral_registry.domain.book.policy import Policy
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.valuations.book_value import book_value
from collateral_registry.store.engine.json_documents import from_document, to_document
from valuation.depreciation.equipment import Schedule

BOUGHT = date(2017, 12, 31)
FOUR_YEARS_LATER = date(2021, 12, 31)
"""1461 days later: four years of 365.25 days."""

PRESS = Equipment(
    "Okura", "QT", "7", "metalworking_machines", Money(14_500_000, "EUR"),
    units_produced=Decimal(30_000), units_lifetime=Decimal(120_000),
    acquisition_cost=Money(8_000_000, "EUR"), acquisition_date=BOUGHT,
)  # fmt: skip
"""Life 16 years, geometric rate 0.1225, salvage share 0.1 by the default policy."""


def policy(**gone: str) -> Policy:
    """Returns the default policy without some numbers of classes."""
    document = json.loads(files("collateral_registry.policies").joinpath("default.json").read_text(encoding="utf-8"))
    for asset_class, name in gone.items():
        del document["classes"][asset_class][name]
    return from_document(Policy, json.dumps(document))


def books(machine: Equipment, day: date = FOUR_YEARS_LATER, **gone: str) -> int | None:
    """Returns the book value in minor units."""
    found = book_value(machine, "equipment.commodity_machine", policy(**gone), day_of(day))
    return None if found is None else found.minor


@pytest.mark.parametrize(
    ("schedule", "by_hand"),
    [
        (Schedule.STRAIGHT_LINE, 6_200_000),  # 80,000 - 72,000 x 4/16
        (Schedule.DECLINING_BALANCE_SWITCH, 4_689_453),  # 80,000 x 0.875^4 = 46,894.53125
        (Schedule.SUM_OF_YEARS, 4_929_412),  # 8,000 + 72,000 x (12 x 13) / (16 x 17) = 49,294.1176
        (Schedule.UNITS_OF_PRODUCTION, 6_200_000),  # a quarter of the units
        (Schedule.GEOMETRIC, 4_743_277),  # 80,000 x 0.8775^4 = 47,432.77
        (Schedule.IRS_HALF_YEAR, 5_540_000),  # 15-year column: 5 + 9.5 + 8.55 + 7.70 = 30.75 % are written off
    ],
)
def test_each_schedule_of_the_books_leaves_what_a_pencil_finds_after_four_years(schedule, by_hand):
    assert books(replace(PRESS, book_schedule=schedule)) == by_hand


def test_the_books_begin_at_what_was_paid_and_end_at_salvage():
    assert books(PRESS, BOUGHT) == 8_000_000
    assert books(PRESS, date(2077, 1, 1)) == 800_000


def test_part_of_a_year_is_charged_by_its_days():
    found = books(PRESS, BOUGHT + timedelta(days=100))
    assert found == round(8_000_000 * (1 - 0.9 * 100 / 365.25 / 16))


def test_nothing_paid_is_no_book_value():
    assert books(replace(PRESS, acquisition_cost=None, acquisition_date=None)) is None
    assert books(replace(PRESS, acquisition_cost=None)) is None


def test_a_policy_without_salvage_leaves_only_the_schedules_that_need_none():
    without = {"equipment": "salvage_share"}
    assert books(PRESS, **without) is None
    assert books(replace(PRESS, book_schedule=Schedule.GEOMETRIC), **without) == 4_743_277


def test_a_document_from_before_the_books_loads_without_them():
    asset = Asset("press", "Acme", "equipment", "EUR", PRESS)
    old = json.loads(to_document(asset))
    for field in ("acquisition_cost", "acquisition_date", "book_schedule"):
        del old["detail"][field]

    found = from_document(Asset, json.dumps(old)).detail

    assert found == replace(PRESS, acquisition_cost=None, acquisition_date=None)
    assert found.book_schedule is Schedule.STRAIGHT_LINE
    assert from_document(Asset, to_document(asset)) == asset
