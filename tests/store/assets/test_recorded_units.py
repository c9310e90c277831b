"""Units that earlier versions stored as they were spelled are read with their meaning, on both engines."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from collateral_registry.commands.assets.register import change, register
from collateral_registry.commands.prices.ingest import open_series
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate
from tests.support.books import LOT, do, open_empty_book

SPELL_SERIES = text("UPDATE price_series SET unit = :spelling WHERE unit = :name")
SPELL_CLAIMS = text("UPDATE place_claim SET unit = :spelling WHERE unit = :name")
NAMES = text("SELECT s.unit, c.unit FROM price_series s, place_claim c")


def as_stored_before(database, spellings) -> None:
    """Downgrades the schema to the version before names of units, and stores other spellings of units."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0015")
        for name, spelling in spellings.items():
            given = {"name": name, "spelling": spelling, "new": f'"unit":"{spelling}"', "old": f'"unit":"{name}"'}
            connection.execute(SPELL_SERIES, given)
            connection.execute(SPELL_CLAIMS, given)
            connection.execute(text("UPDATE asset_revision SET document = replace(document, :old, :new)"), given)


def test_a_migrated_quantity_is_priced_by_the_unit_of_the_trade(schemaless_url):
    database = open_empty_book(schemaless_url)
    lot = replace(LOT, detail=replace(LOT.detail, unit="t", quantity=Decimal(25)))
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD")))
    do(database, lambda write: register(write, lot))
    as_stored_before(database, {"t": "mt"})
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE inventory SET quantity_in_series_unit = 25000"))

    migrate(database)

    with database.read() as connection:
        asset = get_asset(connection, lot.asset_id).asset
        quantity = connection.execute(text("SELECT quantity_in_series_unit FROM inventory")).scalar_one()
        named = connection.execute(NAMES).one()
    database.close()
    assert (asset.detail.unit, quantity, named) == ("t", 25.0, ("t", "t"))


def with_seven(asset):
    """Returns the lot with a quantity of 7."""
    return replace(asset, detail=replace(asset.detail, quantity=Decimal(7)))


def test_a_lot_in_a_word_that_is_no_unit_any_more_can_still_be_read_and_changed(schemaless_url):
    database = open_empty_book(schemaless_url)
    do(database, lambda write: register(write, LOT))
    as_stored_before(database, {LOT.detail.unit: "furlong"})

    migrate(database)
    do(database, lambda write: change(write, LOT.asset_id, "", with_seven))

    with database.read() as connection:
        lot = get_asset(connection, LOT.asset_id).asset.detail
    database.close()
    assert (lot.unit, lot.quantity) == ("furlong", 7)


@pytest.mark.parametrize(("good", "flagged"), [("copper", 0), ("gold", 1)])
def test_a_migrated_lot_that_is_priced_as_another_good_is_marked(schemaless_url, good, flagged):
    database = open_empty_book(schemaless_url)
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD")))
    do(database, lambda write: register(write, LOT))
    as_stored_before(database, {})
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE price_series SET good = :good"), {"good": good})

    migrate(database)

    with database.read() as connection:
        marked = connection.execute(text("SELECT priced_as_another_good FROM inventory")).scalar_one()
    database.close()
    assert marked == flagged
