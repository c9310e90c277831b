"""What the tests of stock share."""

import pytest

from collateral_registry.clock import wall_clock
from collateral_registry.commands.stock.stock_intake import source_shard
from collateral_registry.store.engine.database import Database


@pytest.fixture
def others_turn(database_url):
    """The turn to write for the feed acme, as another server of the book holds it."""
    database = Database(database_url, wall_clock)
    yield lambda: database.intake([source_shard("acme")])
    database.close()
