"""The book looks at stock without keeping anybody waiting: what it claims by the time it writes decides."""

from functools import partial

import numpy as np

from collateral_registry.commands.stock import sync_lots as take_up_module
from collateral_registry.commands.stock.sync_lots import sync_lots_of, sync_pending_lots
from collateral_registry.store.assets.repository import get_asset
from tests.support.books import do
from tests.support.counting import quantity
from tests.support.small_book import findings, lend_on, lot, pending_lots, pledge, push, register, sync_stock


def test_stock_that_nobody_claims_is_done_with(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = pending_lots(book)
    taken = do(book, partial(sync_pending_lots, pending=waiting))

    assert not len(waiting.lot_keys)
    assert (taken.changes, taken.assets) == (1, 0)
    assert pending_lots(book) is None


def test_a_lot_that_is_registered_after_the_book_has_looked_is_taken_up_all_the_same(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = pending_lots(book)
    register(book, lot("l-1", "100", lot="A-17"))
    taken = do(book, partial(sync_pending_lots, pending=waiting))

    assert not len(waiting.lot_keys)
    assert taken.assets == 1
    assert quantity(book, "l-1") == 40


def test_a_change_told_after_another_was_taken_up_is_not_lost_with_it(book):
    register(book, lot("l-1", "100", lot="A-17"))
    register(book, lot("l-2", "100", lot="X-1"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "A-17", 40))
    waiting = pending_lots(book)
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: sync_lots_of(write, np.array([key])))
    push(book, 2, ("RECEIPT", "X-1", 30))
    do(book, partial(sync_pending_lots, pending=waiting))
    sync_stock(book)

    assert (quantity(book, "l-1"), quantity(book, "l-2")) == (40, 30)


def test_what_another_server_has_taken_up_meanwhile_is_not_taken_up_again(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    ours, theirs = pending_lots(book), pending_lots(book)
    do(book, partial(sync_pending_lots, pending=theirs))
    taken = do(book, partial(sync_pending_lots, pending=ours))

    assert (taken.changes, taken.assets) == (0, 0)


def test_stock_in_a_place_of_which_an_asset_claims_something_is_claimed(book):
    register(book, lot("l-1", "100", lot="A-17"))
    push(book, 1, ("RECEIPT", "B-2", 40))

    assert len(pending_lots(book).lot_keys) == 1


def test_a_lot_that_has_fallen_but_was_not_taken_up_yet_is_no_over_pledge_of_its_place(book):
    """Both lots fall; one is taken up before its turn, while the other still stands in the book as it was."""
    push(book, 1, ("RECEIPT", "A-17", 100), ("RECEIPT", "B-2", 100))
    for name, number in (("l-1", "A-17"), ("l-2", "B-2")):
        register(book, lot(name, "100", lot=number))
        lend_on(book, f"bank-{name}")
        pledge(book, f"bank-{name}", name)
    sync_stock(book)
    push(book, 2, ("ADJUSTMENT", "A-17", -10), ("ADJUSTMENT", "B-2", -60))
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: sync_lots_of(write, np.array([key])))

    assert (quantity(book, "l-2"), findings(book)) == (100, [])
    sync_stock(book)
    assert (quantity(book, "l-2"), findings(book)) == (40, [])


def test_the_lots_of_a_place_are_taken_up_together_as_far_as_the_limit_allows(book):
    places = {"A": "Shed A", "B": "Shed B", "C": "Shed C"}
    for name in ("A-1", "B-1", "A-2", "B-2", "C-1", "C-2", "C-3", "C-4"):
        register(book, lot(name.lower(), "100", lot=name, warehouse=places[name[0]]))
    for sequence, name in enumerate(("A-1", "B-1", "A-2", "C-1", "B-2", "C-2", "C-3", "C-4"), start=1):
        push(book, sequence, ("RECEIPT", name, 5), warehouse=places[name[0]])
    seen = []
    while (waiting := pending_lots(book, lots_limit=3)) is not None:
        seen.append(sorted(one.asset.asset_id for one in waiting.assets))
        do(book, partial(sync_pending_lots, pending=waiting))

    assert seen == [["a-1", "a-2"], ["b-1", "b-2"], ["c-1", "c-2", "c-3"], ["c-4"]]


def test_stock_of_which_nothing_is_claimed_is_done_with_beside_what_is_taken_up(book):
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "X-1", 30), warehouse="Elsewhere")
    push(book, 2, ("RECEIPT", "A-17", 40))
    waiting = pending_lots(book)
    taken = do(book, partial(sync_pending_lots, pending=waiting))

    assert (len(waiting.lot_keys), len(waiting.unclaimed_keys)) == (1, 1)
    assert (taken.changes, taken.assets) == (2, 1)
    assert pending_lots(book) is None


def test_a_lot_is_taken_up_for_all_of_its_changes_however_many_wait(book, monkeypatch):
    monkeypatch.setattr(take_up_module, "CHANGES_LIMIT", 2)
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    for sequence in range(1, 7):
        push(book, sequence, ("RECEIPT", "A-17", 5))
    waiting = pending_lots(book)
    taken = do(book, partial(sync_pending_lots, pending=waiting))

    assert (taken.changes, quantity(book, "l-1")) == (6, 30)
    assert pending_lots(book) is None


def test_what_was_told_of_a_lot_is_taken_up_before_it_is_pledged(book):
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "A-17", 1))
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: sync_lots_of(write, np.array([key])))

    assert (pending_lots(book), quantity(book, "l-1")) == (None, 1)
