"""Stock movements and counts for tests of findings, executed by the commands at a fixed time."""

from collateral_registry.commands.stock.counts import reconcile
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.stock.counts import CountLine, CountMethod, StockCount
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.findings.repository import list_findings
from collateral_registry.store.loans.events import events_after
from tests.support.books import do
from tests.support.small_book import (
    FIRST_US,
    HOUR_US,
    lend_on,
    lot,
    opened,
    owe,
    pledge,
    push as push_pending,
    register,
    sync_stock,
)

WAREHOUSE = "Qingdao Dagang"


def lent_on(url):
    """Returns a book in which 500,000 dollars are lent on lot a, of aluminium."""
    database = opened(url)
    register(database, lot("a"))
    lend_on(database, "loan-1")
    pledge(database, "loan-1", "a")
    owe(database, "loan-1", 500_000)
    return database


def push(database, sequence, *rows, warehouse=WAREHOUSE):
    """Pushes movements (kind, lot, tonnes, hours before now) as one batch and applies the pending stock."""
    push_pending(database, sequence, *rows, warehouse=warehouse)
    return sync_stock(database)


def count(database, *lines, hours=0, complete=False, warehouse=WAREHOUSE, good="aluminium", unit="t", actor="test"):
    """Reports a count of lots (name, quantity) made some hours ago and applies the pending stock."""
    counted = [CountLine(name, good, unit, round(quantity * 1_000_000)) for name, quantity in lines]
    counted_us = FIRST_US - hours * HOUR_US
    reported = StockCount(warehouse, CountMethod.PHYSICAL_COUNT, counted_us, counted, complete, "report 7")
    reconciled = do(database, lambda write: reconcile(write, reported), actor)
    sync_stock(database)
    return reconciled


def quantity(database, asset_id):
    """Returns the quantity of an asset, in its unit."""
    with database.read() as connection:
        return get_asset(connection, asset_id).asset.detail.quantity


def findings(database):
    """Returns all findings, newest first."""
    with database.read() as connection:
        return list_findings(connection, EVERYTHING, 2**62, 100)


def events_of(database, loan_id, *kinds):
    """Returns the events of these kinds of a loan, oldest first."""
    with database.read() as connection:
        return [event for event in events_after(connection, 0, loan_id, 500) if event["kind"] in kinds]
