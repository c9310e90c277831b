"""What the intake remembers of lots makes it quicker and never wrong: others change them, transactions fail."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, event, select, update

from collateral_registry.commands.stock.stock_intake import Batch, open_feed, take_in
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.domain.stock.movements import MovementKind, RejectionReason, movement_of
from collateral_registry.store.engine import lot_memory
from collateral_registry.store.engine.database import Database, Intake
from collateral_registry.store.schema.stock import StockLotRow, StockMovementRow

MOMENT = datetime(2022, 1, 3, 12, tzinfo=UTC)
MOMENT_US = int(MOMENT.timestamp()) * 1_000_000
SAID = {
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
    """A feed of one warehouse that is taken in by one process, which remembers what it has seen."""

    def __init__(self, url, feed):
        self.database, self.feed, self.sequence = Database(url, lambda: MOMENT), feed, 0
        self.epoch = open_feed(self.database, feed).epoch

    def tell(self, kind, quantity, lot="L-1"):
        """What becomes of one movement: the rejected rows."""
        self.sequence += 1
        name = f"{self.feed}-{self.sequence}"
        said = {**SAID, "movement_id": name, "kind": int(MovementKind[kind]), "lot": lot, "quantity": quantity}
        batch = Batch(self.feed, self.epoch, self.sequence, name, movement_of(said))
        (taken,) = take_in(self.database, [batch])
        return [row.reason for row in taken.rejected]


@pytest.fixture
def partners(database_url):
    """Two feeds of one warehouse, each taken in by a process of its own."""
    both = [Partner(database_url, feed) for feed in ("one", "other")]
    yield both
    for partner in both:
        partner.database.close()


def quantities(database):
    """What the lots hold, and what their movements come to."""
    with database.read() as connection:
        held = connection.execute(select(StockLotRow.quantity).order_by(StockLotRow.lot_key)).scalars().all()
        moved = connection.execute(select(StockMovementRow.change)).scalars().all()
    return list(held), sum(moved)


def asked(database):
    """The statements that a database is asked from now on."""
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))
    return statements


def reads_lots(statements):
    """Whether lots were read."""
    return any(one.startswith("SELECT stock_lot.lot_key") for one in statements)


def test_a_lot_that_was_just_changed_is_not_read_again(partners):
    one, _ = partners
    one.tell("RECEIPT", 10)
    statements = asked(one.database)
    one.tell("ISSUE", 4)

    assert (quantities(one.database), reads_lots(statements)) == (([6], 6), False)


def test_a_lot_that_another_process_has_changed_is_looked_at_again(partners):
    one, other = partners
    one.tell("RECEIPT", 10)
    other.tell("RECEIPT", 100)

    assert one.tell("ISSUE", 4) == []
    assert quantities(one.database) == ([106], 106)


def test_a_movement_that_only_an_old_memory_would_refuse_is_booked(partners):
    one, other = partners
    one.tell("RECEIPT", 10)
    other.tell("RECEIPT", 100)

    assert one.tell("ISSUE", 50) == []
    assert quantities(one.database) == ([60], 60)


def test_a_movement_that_only_an_old_memory_would_allow_is_refused(partners):
    one, other = partners
    one.tell("RECEIPT", 10)
    other.tell("ISSUE", 9)

    assert one.tell("ISSUE", 5) == [RejectionReason.INSUFFICIENT_STOCK]
    assert quantities(one.database) == ([1], 1)


def test_what_a_transaction_that_failed_would_have_left_is_not_remembered(partners, monkeypatch):
    one, _ = partners
    one.tell("RECEIPT", 10)

    def cut(_intake):
        raise StoreUnavailable("the connection was lost before the commit")

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "commit", cut)
        with pytest.raises(StoreUnavailable):
            one.tell("ISSUE", 4)
    one.sequence -= 1
    one.tell("ISSUE", 3)

    assert quantities(one.database) == ([7], 7)


def test_what_was_lost_with_the_database_is_not_remembered(partners):
    one, other = partners
    one.tell("RECEIPT", 10)
    one.tell("RECEIPT", 5)
    with other.database.intake([]) as intake:  # as a standby that had not heard of the last commit
        intake.connection.execute(delete(StockMovementRow).where(StockMovementRow.movement_id == "one-2"))
        intake.connection.execute(update(StockLotRow).values(quantity=10, version=1))
        intake.commit()
    one.database.engine.dispose()
    other.tell("ISSUE", 3)
    one.tell("ISSUE", 1)

    assert quantities(one.database) == ([6], 6)


def test_no_more_lots_are_remembered_than_the_limit(partners, monkeypatch):
    monkeypatch.setattr(lot_memory, "REMEMBERED_LOTS_LIMIT", 3)
    one, _ = partners
    places, remembered = [("W-1", f"L-{number}") for number in range(5)], []
    for number in range(5):
        one.tell("RECEIPT", 10, lot=f"L-{number}")
        remembered.append(len(one.database.lot_memory.recall(places)))
    for number in range(5):
        one.tell("ISSUE", number + 1, lot=f"L-{number}")

    assert quantities(one.database)[0] == [9, 8, 7, 6, 5]
    assert remembered == [1, 2, 3, 1, 2]
