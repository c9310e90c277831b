"""A small book for tests of pledges: metal at a fixed price, judged on market value so that haircuts do not matter."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

import numpy as np
from sqlalchemy import delete, event, select

from collateral_registry.commands.assets.register import register as register_asset
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.feeds.intake import Batch
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.loans.pickups import PickupRequest, request_pickup
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.commands.stock.outgoing_movements import touch_moved_lots
from collateral_registry.commands.stock.stock_intake import book_batches, open_feed
from collateral_registry.commands.stock.sync_lots import LOTS_LIMIT, find_pending_lots, sync_pending_lots
from collateral_registry.domain.assets.kinds import Asset, Equipment, Inventory
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.loans.agreements import Balance, Loan, OwnLimits, Pledge
from collateral_registry.domain.loans.levels import LtvBasis
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.stock.movements import MovementKind, Movements
from collateral_registry.store.assets.repository import get_asset, update_asset
from collateral_registry.store.findings.repository import list_findings
from collateral_registry.store.loans.events import events_after
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.store.schema.stock import StockChangeRow, StockLotRow
from tests.support.books import CLOCK, FIRST, PAPERS, do, open_empty_book, registered

FIRST_US = int(CLOCK.timestamp() * 1e6)
HOUR_US = 3_600_000_000
SEVENTY = OwnLimits(600_000, 710_000, 900_000, 950_000)
"""A margin call at 71 %; less the policy's buffer the target is 70 % of market value."""


def opened(url, price="10000"):
    """Returns a new book with a price of aluminium, by default 10,000 dollars a tonne."""
    database = open_empty_book(url)
    series = PriceSeries("aluminium", "aluminium", "t", "USD", max_age_days=30)
    do(database, lambda write: open_series(write, series))
    quote(database, price)
    return database


def quote(database, price, day=FIRST):
    """Ingests a price."""
    return do(database, lambda write: ingest_prices(write, [Quote(0, "aluminium", day, Decimal(price))]))


def lot(asset_id, quantity="100", owner="Acme", **fields):
    """Returns a lot of aluminium in Qingdao Dagang."""
    named = {"warehouse": "Qingdao Dagang", "lot": asset_id, **fields}
    inventory = Inventory("aluminium", Decimal(quantity), unit=named.pop("unit", "t"), **named)
    return Asset(asset_id, owner, "inventory.base_metal", "USD", inventory, **PAPERS)


def machine(asset_id, serial, owner="Acme", built=date(2018, 3, 1), model="QT-200", make="Okura"):
    """Returns a lathe."""
    lathe = Equipment(make, model, serial, "metalworking_machines", Money(14_500_000, "USD"), built)
    return Asset(asset_id, owner, "equipment.commodity_machine", "USD", lathe, **PAPERS)


def register(database, asset):
    """Registers an asset."""
    return do(database, lambda write: register_asset(write, asset))


def lend_on(database, loan_id, borrower="Acme", owed=0):
    """Registers a loan judged on market value with its target at 70 %."""
    nothing = Money(0, "USD")
    balance = Balance(Money(owed, "USD"), nothing, nothing, FIRST)
    loan = Loan(loan_id, borrower, "USD", balance, ltv_basis=LtvBasis.MARKET, ltv_limits=SEVENTY)
    do(database, lambda write: lending.create_loan(write, loan))


def owe(database, loan_id, dollars):
    """Updates the balance of a loan."""
    nothing = Money(0, "USD")
    push = BalancePush(0, loan_id, Balance(Money(dollars * 100, "USD"), nothing, nothing, FIRST))
    return do(database, lambda write: lending.ingest_balances(write, [push], ()))


def pledge(database, loan_id, asset_id, pledge_id="p-1", **fields):
    """Pledges an asset, by default with a registration."""
    one = replace(registered(Pledge(pledge_id, loan_id, asset_id)), **fields)
    return do(database, lambda write: pledges.pledge_asset(write, one))


def stock(database, sequence, *rows, warehouse="Qingdao Dagang"):
    """Pushes movements (kind, lot, tonnes) as one batch and applies them by :func:`apply_pending`."""
    push(database, sequence, *rows, warehouse=warehouse)
    return apply_pending(database)


def push(database, sequence, *rows, warehouse="Qingdao Dagang"):
    """Pushes movements (kind, lot, tonnes, hours before now if given) as one batch; they are durable and pending."""
    count = len(rows)
    nothing = [""] * count
    movements = Movements(
        movement_id=[f"m-{sequence}-{row}" for row in range(count)],
        kind=[int(MovementKind[kind]) for kind, *_ in rows],
        effective_us=[FIRST_US - round((hours[0] if hours else 0) * HOUR_US) for _, _, _, *hours in rows],
        warehouse=[warehouse] * count,
        good=["aluminium"] * count,
        lot=[name for _, name, *_ in rows],
        bin=nothing,
        unit=["t"] * count,
        quantity=[round(tonnes * 1_000_000) for _, _, tonnes, *_ in rows],
        to_warehouse=nothing,
        to_lot=nothing,
        to_bin=nothing,
        grade=nothing,
        corrects=nothing,
        document=nothing,
    )
    epoch = open_feed(database, "dagang").epoch
    (result,) = book_batches(database, [Batch("dagang", epoch, sequence, f"h-{sequence}", movements)])
    assert not result.rejected, result


def sync_stock(database):
    """Applies pending stock until none is left; returns the last result, or None."""
    result = None
    while (pending := pending_lots(database)) is not None:
        result = do(database, partial(sync_pending_lots, pending=pending))
    return result


def pending_lots(database, lots_limit=LOTS_LIMIT):
    """Returns the pending lots, or None."""
    with database.read() as connection:
        return find_pending_lots(connection, lots_limit)


def recorded_statements(database, part):
    """Returns a list that collects the statements containing ``part`` executed from now on, with their parameters."""
    executed = []

    def keep(_connection, _cursor, statement, given, _context, _many):
        if part in statement:
            executed.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", keep)
    return executed


def plans_of(database, executed):
    """Returns SQLite's query plan of each statement."""
    with database.read() as connection:
        lookups = list(executed)  # a copy, because explaining them appends to the list
        return [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}", given).all()) for one, given in lookups]


def apply_pending(database):
    """Applies pending stock as the stock sync does: sets the linked assets and touches them and the moved lots."""

    def apply_stock(write):
        keys = np.unique(np.array(write.connection.execute(select(StockChangeRow.lot_key)).scalars().all()))
        write.connection.execute(delete(StockChangeRow))
        linked = []
        where = StockLotRow.lot_key.in_(keys.tolist())
        for row in write.connection.execute(select(StockLotRow.lot, StockLotRow.quantity).where(where)).all():
            try:
                held = get_asset(write.connection, row.lot)
            except NotFound:
                continue
            quantity = (Decimal(row.quantity) / 1_000_000).normalize()
            detail = replace(held.asset.detail, quantity=Decimal(f"{quantity:f}"))
            update_asset(write, held, replace(held.asset, detail=detail))
            linked.append(held.key)
        write.touched.add(assets=linked)
        touch_moved_lots(write, keys.astype(np.int64))

    do(database, apply_stock)


def cover(database, loan_id):
    """Returns the newest judgement of a loan, as a row."""
    with database.read() as connection:
        key = get_loan(connection, loan_id).key
        columns = newest_judgements(connection, np.array([key], dtype=np.int64))
    return {name: column[0] for name, column in columns.items()}


def findings(database):
    """Returns all findings, oldest first."""
    with database.read() as connection:
        return list_findings(connection, EVERYTHING, 10**9, 1_000)[::-1]


def move_to(database, day):
    """Moves the business date and finishes the revaluation run."""
    do(database, lambda write: advance(write, day_of(day)))
    finish_run(database)


def loans_with_event(database, kind):
    """Returns the loans of all events of a kind, in order."""
    with database.read() as connection:
        return [row["loan_id"] for row in events_after(connection, 0, None, 1_000) if row["kind"] == kind]


def goods(book, quantity="100", owed=490_000, **terms):
    """Registers a loan secured by aluminium at 10,000 a tonne, with a target of 70 %: 100 t cover 700,000."""
    register(book, lot("lot-a", quantity))
    lend_on(book, "bank-0")
    pledge(book, "bank-0", "lot-a", **terms)
    owe(book, "bank-0", owed)


def request(book, quantity, pickup_id="u-1", loan_id="bank-0", expire=None):
    """Authorises a pick-up."""
    wanted = Decimal(quantity)
    return do(
        book, lambda write: request_pickup(write, PickupRequest(loan_id, "lot-a", pickup_id, wanted, expire, "truck 7"))
    )
