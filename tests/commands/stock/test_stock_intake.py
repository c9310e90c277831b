"""Movements are booked on the current lots, also after changes by another process or a failed commit."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from collateral_registry.commands.feeds.intake import CALL, Batch
from collateral_registry.commands.stock.stock_intake import StockGroup, book_batches, open_feed
from collateral_registry.domain.feeds.items import joined
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.domain.stock.movements import MovementKind, RejectionReason, movement_of
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.schema.stock import StockLotRow, StockMovementRow

MOMENT = datetime(2022, 1, 3, 12, tzinfo=UTC)
MOMENT_US = int(MOMENT.timestamp()) * 1_000_000
FIELDS = {
    "effective_us": MOMENT_US,
    "warehouse": "W-1",
    "good": "copper",
    "unit": "t",
    "bin": "",
    "to_warehouse": "",
    "to_lot": "",
    "to_bin": "",
    "grade": "",
    "corrects": "",
    "document": "",
}


class Partner:
    """A feed of one warehouse, booked by a process of its own."""

    def __init__(self, url, feed):
        self.database, self.feed, self.sequence = Database(url, lambda: MOMENT), feed, 0
        self.epoch = open_feed(self.database, feed).epoch

    def report(self, kind, quantity, lot="L-1"):
        """Reports one movement and returns the reasons of its rejected rows."""
        self.sequence += 1
        name = f"{self.feed}-{self.sequence}"
        item = {**FIELDS, "movement_id": name, "kind": int(MovementKind[kind]), "lot": lot, "quantity": quantity}
        batch = Batch(self.feed, self.epoch, self.sequence, name, movement_of(item))
        (result,) = book_batches(self.database, [batch])
        return [row.reason for row in result.rejected]


@pytest.fixture
def partners(database_url):
    """Two feeds of one warehouse, each with a database connection of its own."""
    both = [Partner(database_url, feed) for feed in ("one", "other")]
    yield both
    for partner in both:
        partner.database.close()


def quantities(database):
    """Returns the quantity of each lot, and the sum of all movements."""
    with database.read() as connection:
        held = connection.execute(select(StockLotRow.quantity).order_by(StockLotRow.lot_key)).scalars().all()
        moved = connection.execute(select(StockMovementRow.change)).scalars().all()
    return list(held), sum(moved)


def test_a_batch_that_names_any_number_of_warehouses_takes_few_locks():
    items = []
    for row in range(2_000):
        item = {**FIELDS, "movement_id": f"{row}", "kind": 1, "lot": "L", "quantity": 1, "warehouse": f"W-{row}"}
        items.append(movement_of(item))

    assert len(StockGroup.shards_of(joined(items))) <= 64


def test_a_lot_that_another_process_has_changed_keeps_both_changes(partners):
    one, other = partners
    one.report("RECEIPT", 10)
    other.report("RECEIPT", 100)

    assert one.report("ISSUE", 4) == []
    assert quantities(one.database) == ([106], 106)


def test_a_movement_of_stock_received_by_another_process_is_booked(partners):
    one, other = partners
    one.report("RECEIPT", 10)
    other.report("RECEIPT", 100)

    assert one.report("ISSUE", 50) == []
    assert quantities(one.database) == ([60], 60)


def test_a_movement_of_stock_issued_by_another_process_is_rejected(partners):
    one, other = partners
    one.report("RECEIPT", 10)
    other.report("ISSUE", 9)

    assert one.report("ISSUE", 5) == [RejectionReason.INSUFFICIENT_STOCK]
    assert quantities(one.database) == ([1], 1)


def test_a_failed_transaction_leaves_no_trace(partners, monkeypatch):
    one, _ = partners
    one.report("RECEIPT", 10)

    def cut(_intake):
        raise StoreUnavailable("the connection was lost before the commit")

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "commit", cut)
        with pytest.raises(StoreUnavailable):
            one.report("ISSUE", 4)
    one.sequence -= 1
    one.report("ISSUE", 3)

    assert quantities(one.database) == ([7], 7)


@pytest.mark.parametrize("first", ["partner", "operator"])
def test_each_batch_of_a_feed_is_checked_against_its_own_scope(partners, first):
    feed, _ = partners
    items = {
        name: movement_of(
            {**FIELDS, "movement_id": name, "kind": int(MovementKind.RECEIPT), "lot": name, "quantity": 7}
            | {"warehouse": warehouse}
        )
        for name, warehouse in (("own", "W-1"), ("foreign", "W-2"), ("corrected", "W-3"))
    }
    scope = frozenset({"W-1"})
    partner = [
        Batch(feed.feed, feed.epoch, number, name, items[name], scope) for number, name in ((1, "own"), (2, "foreign"))
    ]
    operator = [Batch(feed.feed, CALL, CALL, "corrected", items["corrected"])]
    batches = [*partner, *operator] if first == "partner" else [*operator, *partner]

    outcomes = {batch.body_hash: one for batch, one in zip(batches, book_batches(feed.database, batches), strict=True)}
    assert {name: [row.reason for row in one.rejected] for name, one in outcomes.items()} == {
        "own": [],
        "foreign": [RejectionReason.FOREIGN_WAREHOUSE],
        "corrected": [],
    }
    assert quantities(feed.database) == ([7, 7], 14)
