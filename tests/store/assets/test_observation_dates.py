"""Facts registered before they had a date count from their registration, on both engines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from collateral_registry.commands.assets.register import change, register
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.ip.ip_valuation import life_of
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.valuations.repository import list_valuations
from tests.support.books import FIRST, IP_ASSET, MACHINE, do, downgrade, open_empty_book

RIGHT_WITH_LIFE = replace(IP_ASSET, detail=replace(IP_ASSET.detail, technology_life_years=Decimal(5)))
DAYS_LATER = 731


def downgrade_to(database, version, field) -> None:
    """Downgrades the schema to a version and removes a field from all documents."""
    downgrade(database, version)
    with database.engine.begin() as connection:
        for key, revision, document in connection.execute(
            text("SELECT asset_key, revision, document FROM asset_revision")
        ).all():
            old = json.loads(document)
            del old["detail"][field]
            connection.execute(
                text("UPDATE asset_revision SET document = :text WHERE asset_key = :key AND revision = :revision"),
                {"text": json.dumps(old), "key": key, "revision": revision},
            )


def test_a_migrated_ip_asset_counts_its_technology_life_from_its_registration_and_keeps_that_day(schemaless_url):
    database = open_empty_book(schemaless_url)
    do(database, lambda write: register(write, RIGHT_WITH_LIFE))
    with database.write("test", Author("test", "test"), day_of(FIRST) + DAYS_LATER) as write:
        change(write, IP_ASSET.asset_id, "", lambda asset: replace(asset, display_name="a name"))
        commit(write)
    downgrade_to(database, "0009", "technology_life_date")

    migrate(database)

    with database.read() as connection:
        right = get_asset(connection, IP_ASSET.asset_id).asset.detail
        column = connection.execute(text("SELECT technology_life_day FROM intellectual_property")).scalar_one()
    database.close()
    assert (right.technology_life_date, column) == (FIRST, day_of(FIRST))
    assert round(life_of(right, day_of(FIRST + timedelta(days=DAYS_LATER))), 6) == round(5 - DAYS_LATER / 365.25, 6)


@pytest.mark.parametrize(
    ("inspected", "read"), [(None, FIRST), (FIRST - timedelta(days=90), FIRST - timedelta(days=90))]
)
def test_migrated_hours_take_the_day_of_the_last_inspection_or_of_the_registration(schemaless_url, inspected, read):
    database = open_empty_book(schemaless_url)
    run = replace(MACHINE, last_inspection=inspected, detail=replace(MACHINE.detail, hours=Decimal(900)))
    do(database, lambda write: register(write, run))
    downgrade_to(database, "0011", "hours_date")

    migrate(database)

    with database.read() as connection:
        machine = get_asset(connection, MACHINE.asset_id).asset.detail
        column = connection.execute(text("SELECT hours_day FROM equipment")).scalar_one()
    database.close()
    assert (machine.hours_date, column) == (read, day_of(read))


def test_a_migrated_machine_keeps_its_equipment_class_and_may_lose_its_price_new(schemaless_url):
    database = open_empty_book(schemaless_url)
    do(database, lambda write: register(write, MACHINE))
    downgrade(database, "0015")

    migrate(database)

    do(database, lambda write: change(write, MACHINE.asset_id, "", without_price))
    with database.read() as connection:
        column = connection.execute(text("SELECT equipment_class, price_new FROM equipment")).one()
    database.close()
    assert tuple(column) == ("metalworking_machines", None)


def without_price(asset):
    return replace(asset, detail=replace(asset.detail, price_new=None))


def test_a_machine_without_a_new_reading_loses_value_every_day(database_url):
    database = open_empty_book(database_url)
    detail = replace(
        MACHINE.detail, built=FIRST - timedelta(days=120), hours=Decimal(400), expected_hours_per_year=Decimal(1_000)
    )
    do(database, lambda write: register(write, replace(MACHINE, detail=detail)))
    for day in range(1, 30):
        with database.write("test", Author("test", "test"), day_of(FIRST) + day) as write:
            revalue(write, [MACHINE.asset_id])
            commit(write)
    with database.read() as connection:
        values = [
            row["market_minor"] for row in list_valuations(connection, MACHINE.asset_id, EVERYTHING, (1 << 62, ""), 100)
        ]
    database.close()

    assert len(values) == 30
    assert values == sorted(set(values))
