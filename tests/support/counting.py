"""A book with a warehouse that is fed, and counts held against it; everything by the commands, at a fixed moment."""

from collateral_registry.commands.stock.counts import reconcile
from collateral_registry.commands.stock.stock_intake import Batch, open_feed, take_in
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount
from collateral_registry.domain.stock.movements import MovementKind, Movements
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.findings.repository import list_findings
from collateral_registry.store.loans.events import events_after
from tests.support.small_book import FIRST_US, do, taken_up

WAREHOUSE = "Qingdao Dagang"
HOUR_US = 3_600_000_000


def push(database, sequence, *rows, warehouse=WAREHOUSE):
    """Pushes movements (kind, lot, tonnes, hours before now) as one batch, and lets the book take them up."""
    count = len(rows)
    nothing = [""] * count
    movements = Movements(
        movement_id=[f"m-{sequence}-{row}" for row in range(count)],
        kind=[int(MovementKind[kind]) for kind, *_ in rows],
        effective_us=[FIRST_US - round(hours * HOUR_US) for *_, hours in rows],
        warehouse=[warehouse] * count,
        good=["aluminium"] * count,
        lot=[name for _, name, *_ in rows],
        bin=nothing,
        unit=["t"] * count,
        quantity=[round(tonnes * 1_000_000) for _, _, tonnes, _ in rows],
        to_warehouse=nothing,
        to_lot=nothing,
        to_bin=nothing,
        grade=nothing,
        corrects=nothing,
        document=nothing,
    )
    epoch = open_feed(database, "dagang").epoch
    (taken,) = take_in(database, [Batch("dagang", epoch, sequence, f"h-{sequence}", movements)])
    assert not taken.rejected, taken
    return taken_up(database)


def count(database, *lines, hours=0, complete=False, warehouse=WAREHOUSE, good="aluminium", unit="t", actor="test"):
    """Brings a count of lots (name, quantity) made some hours ago, and lets the book take up what follows."""
    found = [CountLine(name, good, unit, round(quantity * 1_000_000)) for name, quantity in lines]
    brought = StockCount(warehouse, CountMethod.PHYSICAL_COUNT, FIRST_US - hours * HOUR_US, found, complete, "report 7")
    reconciled = do(database, lambda write: reconcile(write, brought), actor)
    taken_up(database)
    return reconciled


def quantity(database, asset_id):
    """What counts of a lot, in its unit."""
    with database.read() as connection:
        return get_asset(connection, asset_id).asset.detail.quantity


def findings(database):
    """Every finding, newest first."""
    with database.read() as connection:
        return list_findings(connection, (), 2**62, 100)


def told(database, loan_id, *kinds):
    """The events of these kinds at a loan, oldest first."""
    with database.read() as connection:
        return [event for event in events_after(connection, 0, loan_id, 500) if event["kind"] in kinds]
