"""Counts of an older database are compared again after the migration, and explained shortages stay explained."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from collateral_registry.commands.stock.resolve_finding import resolve
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate
from collateral_registry.store.stock.counts import list_counts
from tests.support.books import do
from tests.support.counting import WAREHOUSE, count, findings, push, quantity
from tests.support.small_book import lot, opened, register, sync_stock


@pytest.fixture
def older(schemaless_url):
    """Lots a and b of 100 t, of which the lender found 60 t; the shortage of b was explained. The schema is older."""
    database = opened(schemaless_url)
    register(database, lot("a"))
    register(database, lot("b"))
    push(database, 1, ("RECEIPT", "a", 100, 5), ("RECEIPT", "b", 100, 5))
    count(database, ("a", 60), ("b", 60), hours=2)
    (of_b,) = [row for row in findings(database) if row.lot == "b"]
    do(database, lambda write: resolve(write, of_b.key, "40 t are in the yard"))
    sync_stock(database)
    with database.engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "0020-1")
    yield database
    database.close()


def test_a_migrated_count_keeps_its_figures_and_its_reserve(older):
    migrate(older)
    sync_stock(older)

    with older.read() as connection:
        kept = {
            one.lot: (one.counted, one.book, one.actor)
            for one in list_counts(connection, WAREHOUSE, EVERYTHING, 2**62, 10)
        }
        tolerance = connection.execute(text("SELECT tolerance_ppm FROM warehouse_count")).scalar_one()
    assert kept == {"a": (60_000_000, 100_000_000, "test"), "b": (60_000_000, 100_000_000, "test")}
    assert tolerance == 5_000
    assert (quantity(older, "a"), quantity(older, "b")) == (60, 100)


def test_a_late_movement_is_held_against_a_migrated_count(older):
    migrate(older)
    push(older, 2, ("ISSUE", "a", 40, 3), ("RECEIPT", "b", 56, 3))

    assert (quantity(older, "a"), quantity(older, "b")) == (60, 100)


def test_a_reserve_that_an_older_version_kept_for_a_late_movement_is_recomputed(older):
    with older.engine.begin() as connection:
        left = {"change": -40_000_000}
        connection.execute(text("UPDATE stock_lot SET quantity = quantity + :change WHERE lot = 'a'"), left)
        connection.execute(
            text(
                "INSERT INTO stock_movement (source_key, sequence, batch_row, movement_id, kind, effective_us, "
                "received_us, lot_key, change, quantity, bin, to_lot_key, to_bin, grade, corrects, document) "
                "SELECT source_key, 9, 0, 'late', 2, effective_us + 3600000000, received_us, lot_key, :change, "
                "40000000, '', 0, '', '', '', '' FROM stock_movement WHERE movement_id = 'm-1-0'"
            ),
            left,
        )
    migrate(older)
    sync_stock(older)

    assert quantity(older, "a") == 60
