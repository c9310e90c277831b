"""The facts of a quoted lot equal those of the registered lot."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import open_book
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.valuations.valuation_inputs import facts_of, read_facts

LOT = Asset("lot-1", "Acme", "inventory.base_metal", "USD", Inventory("copper", Decimal(120), "t", "W-1", "L-1"))


@pytest.fixture
def book(database_url):
    database = Database(database_url, lambda: datetime(2022, 1, 1, 9, tzinfo=UTC))
    migrate(database)
    open_book(database, day_of(date(2021, 12, 31)))
    yield database
    database.close()


def test_a_quoted_lot_has_every_column_of_a_registered_one_with_the_same_value(book):
    with book.read() as connection:
        quoted = facts_of(connection, LOT).inventory
    with book.write("test", "test") as write:
        register.register(write, LOT)
        commit(write)
    with book.read() as connection:
        registered = read_facts(connection, np.arange(1, 100)).inventory

    assert quoted.keys() == registered.keys()
    for name, column in registered.items():
        np.testing.assert_array_equal(quoted[name], column, err_msg=name)
