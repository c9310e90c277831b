"""The facts of a quoted lot equal those of the registered lot."""

import numpy as np
import pytest

from collateral_registry.commands.assets import register
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.valuations.valuation_inputs import facts_of, read_facts
from tests.support.books import LOT


@pytest.fixture
def book(empty_book):
    return empty_book


def test_a_quoted_lot_has_every_column_of_a_registered_one_with_the_same_value(book):
    with book.read() as connection:
        quoted = facts_of(connection, LOT).inventory
    with book.write("test", Author("test", "test")) as write:
        register.register(write, LOT)
        commit(write)
    with book.read() as connection:
        registered = read_facts(connection, np.arange(1, 100)).inventory

    assert quoted.keys() == registered.keys()
    for name, column in registered.items():
        np.testing.assert_array_equal(quoted[name], column, err_msg=name)
