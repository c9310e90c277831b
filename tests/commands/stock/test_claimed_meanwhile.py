"""Stock sync selects lots on a snapshot without blocking writers and decides by the claims at its commit."""

from functools import partial

import numpy as np

from collateral_registry.commands.stock import sync_lots as sync_lots_module
from collateral_registry.commands.stock.sync_lots import sync_lots_of, sync_pending_lots
from collateral_registry.domain.findings.kinds import FindingKind
from collateral_registry.store.assets.repository import get_asset
from tests.support.books import do
from tests.support.counting import quantity
from tests.support.small_book import findings, lend_on, lot, pending_lots, pledge, push, register, sync_stock


def test_changes_of_unclaimed_stock_are_dropped(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    pending = pending_lots(book)
    result = do(book, partial(sync_pending_lots, pending=pending))

    assert not len(pending.lot_keys)
    assert (result.changes, result.assets) == (1, 0)
    assert pending_lots(book) is None


def test_a_lot_registered_after_the_snapshot_is_synced(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    pending = pending_lots(book)
    register(book, lot("l-1", "100", lot="A-17"))
    do(book, partial(sync_pending_lots, pending=pending))

    assert not len(pending.lot_keys)
    assert quantity(book, "l-1") == 40


def test_a_change_reported_after_the_snapshot_stays_pending(book):
    register(book, lot("l-1", "100", lot="A-17"))
    register(book, lot("l-2", "100", lot="X-1"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "A-17", 40))
    pending = pending_lots(book)
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: sync_lots_of(write, np.array([key])))
    push(book, 2, ("RECEIPT", "X-1", 30))
    do(book, partial(sync_pending_lots, pending=pending))
    sync_stock(book)

    assert (quantity(book, "l-1"), quantity(book, "l-2")) == (40, 30)


def test_changes_applied_by_another_server_are_not_applied_again(book):
    push(book, 1, ("RECEIPT", "A-17", 40))
    ours, theirs = pending_lots(book), pending_lots(book)
    do(book, partial(sync_pending_lots, pending=theirs))
    result = do(book, partial(sync_pending_lots, pending=ours))

    assert (result.changes, result.assets) == (0, 0)


def test_stock_in_a_place_with_a_claim_is_claimed(book):
    register(book, lot("l-1", "100", lot="A-17"))
    push(book, 1, ("RECEIPT", "B-2", 40))

    assert len(pending_lots(book).lot_keys) == 1


def test_a_pending_reduction_of_a_lot_does_not_over_pledge_its_place(book):
    """Both lots fall; one is synced ahead of the queue, while the other keeps its old quantity in the book."""
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

    before = quantity(book, "l-2")
    sync_stock(book)

    assert (before, quantity(book, "l-2")) == (100, 40)
    assert {row.finding.kind for row in findings(book)} == {FindingKind.UNAUTHORISED_ISSUE}


def test_the_lots_of_a_place_are_synced_together_up_to_the_limit(book):
    places = {"A": "Shed A", "B": "Shed B", "C": "Shed C"}
    for name in ("A-1", "B-1", "A-2", "B-2", "C-1", "C-2", "C-3", "C-4"):
        register(book, lot(name.lower(), "100", lot=name, warehouse=places[name[0]]))
    for sequence, name in enumerate(("A-1", "B-1", "A-2", "C-1", "B-2", "C-2", "C-3", "C-4"), start=1):
        push(book, sequence, ("RECEIPT", name, 5), warehouse=places[name[0]])
    seen = []
    while (pending := pending_lots(book, lots_limit=3)) is not None:
        seen.append(sorted(one.asset.asset_id for one in pending.assets))
        do(book, partial(sync_pending_lots, pending=pending))

    assert seen == [["a-1", "a-2"], ["b-1", "b-2"], ["c-1", "c-2", "c-3"], ["c-4"]]


def test_changes_of_unclaimed_stock_are_dropped_with_the_sync_of_claimed_stock(book):
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "X-1", 30), warehouse="Elsewhere")
    push(book, 2, ("RECEIPT", "A-17", 40))
    pending = pending_lots(book)
    result = do(book, partial(sync_pending_lots, pending=pending))

    assert (len(pending.lot_keys), len(pending.unclaimed_keys)) == (1, 1)
    assert (result.changes, result.assets) == (2, 1)
    assert pending_lots(book) is None


def test_a_lot_is_synced_once_for_all_of_its_pending_changes(book, monkeypatch):
    monkeypatch.setattr(sync_lots_module, "CHANGES_LIMIT", 2)
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    for sequence in range(1, 7):
        push(book, sequence, ("RECEIPT", "A-17", 5))
    pending = pending_lots(book)
    result = do(book, partial(sync_pending_lots, pending=pending))

    assert (result.changes, quantity(book, "l-1")) == (6, 30)
    assert pending_lots(book) is None


def test_pending_stock_of_a_lot_is_applied_before_it_is_pledged(book):
    register(book, lot("l-1", "100", lot="A-17"))
    sync_stock(book)
    push(book, 1, ("RECEIPT", "A-17", 1))
    with book.read() as connection:
        key = get_asset(connection, "l-1").key
    do(book, lambda write: sync_lots_of(write, np.array([key])))

    assert (pending_lots(book), quantity(book, "l-1")) == (None, 1)
