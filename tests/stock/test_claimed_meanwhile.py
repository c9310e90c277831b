"""The book looks at stock without keeping anybody waiting: what it claims by the time it writes decides."""

from functools import partial

import numpy as np
import pytest

from collateral_registry.commands.take_up import take_up, take_up_of
from collateral_registry.store.assets import get_asset
from tests.pledge.books import do, looked, lot, opened, push, register, taken_up
from tests.stock.counting import quantity


@pytest.fixture
def book(database_url):
    database = opened(database_url)
    yield database
    database.close()


def test_stock_that_nobody_claims_is_done_with(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = looked(book)
    taken = do(book, partial(take_up, waiting=waiting))

    assert not waiting.is_claimed
    assert (taken.lots, taken.assets) == (1, 0)
    assert looked(book) is None


def test_a_lot_that_is_registered_after_the_book_has_looked_is_taken_up_all_the_same(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = looked(book)
    register(book, lot("l-1", "100", lot="A-17"))
    taken = do(book, partial(take_up, waiting=waiting))

    assert not waiting.is_claimed
    assert taken.assets == 1
    assert quantity(book, "l-1") == 40


def test_a_change_told_after_another_was_taken_up_is_not_lost_with_it(book):
    register(book, lot("l-1", "100", lot="A-17"))
    register(book, lot("l-2", "100", lot="X-1"))
    taken_up(book)
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = looked(book)
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: take_up_of(write, np.array([key])))
    push(book, 2, ("RECEIPT", "X-1", 30))
    do(book, partial(take_up, waiting=waiting))
    taken_up(book)

    assert (quantity(book, "l-1"), quantity(book, "l-2")) == (40, 30)


def test_what_another_server_has_taken_up_meanwhile_is_not_taken_up_again(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    ours, theirs = looked(book), looked(book)
    do(book, partial(take_up, waiting=theirs))
    taken = do(book, partial(take_up, waiting=ours))

    assert (taken.lots, taken.assets) == (0, 0)


def test_stock_in_a_place_of_which_an_asset_claims_something_is_claimed(book):
    register(book, lot("l-1", "100", lot="A-17"))
    push(book, 1, ("RECEIPT", "B-2", 40))

    assert looked(book).is_claimed
