"""Books for tests at a fixed time: an empty one, and one with three kinds of assets and two loans."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from alembic import command
from alembic.config import Config

from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import advance, open_book
from collateral_registry.commands.loans import lending, pledges
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ensure_fx_series, ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import finish_run
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.assets.kinds import Asset, Equipment, IntellectualProperty, Inventory
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import MIGRATIONS, migrate
from valuation.depreciation.equipment import Condition
from valuation.ip.life import RightKind
from valuation.ip.status import LegalStatus

FIRST = date(2021, 12, 31)
CLOCK = datetime(2022, 1, 1, 9, tzinfo=UTC)
PAPERS = {"insurance_expire": date(2035, 12, 31), "last_inspection": FIRST}
"""Papers of an asset that the default policy requires."""


def open_empty_book(url) -> Database:
    """Returns an empty book on its first business date, at a fixed time."""
    database = Database(url, lambda: CLOCK)
    migrate(database)
    open_book(database, day_of(FIRST))
    return database


def downgrade(database, version):
    """Downgrades the schema of a book to a version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, version)


def do(database, work, actor="test"):
    """Runs one change and commits it; returns its result."""
    with database.write("test", Author(actor, actor)) as write:
        result = work(write)
        commit(write)
    return result


def quotes(series, last, count=300):
    """Returns daily quotes of a random walk that ends at a price on the first business date."""
    moves = np.random.default_rng(3).normal(0, 0.012, count)
    path = last * np.exp(np.cumsum(moves) - np.cumsum(moves)[-1])
    days = np.busday_offset(FIRST, -np.arange(count)[::-1], roll="backward").astype(object)
    return [
        Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(zip(days, path, strict=True))
    ]


LOT = Asset(
    "lot-1", "Acme", "inventory.base_metal", "USD", Inventory("copper", Decimal(120), "t", "W-1", "L-1"), **PAPERS
)
MACHINE = Asset(
    "machine-1",
    "Acme",
    "equipment.commodity_machine",
    "EUR",
    Equipment(
        "Okura",
        "QT",
        "7",
        "metalworking_machines",
        Money(14_500_000, "EUR"),
        date(2018, 3, 1),
        condition=Condition.GOOD,
    ),
    **PAPERS,
)
IP_ASSET = Asset(
    "patent-1",
    "Acme",
    "ip.patent",
    "EUR",
    IntellectualProperty(
        RightKind.PATENT,
        "EP",
        "1234",
        Money(90_000_000, "EUR"),
        Decimal("0.05"),
        Decimal("0.25"),
        Decimal("0.15"),
        filing=date(2015, 5, 1),
        legal_status=LegalStatus.IN_FORCE,
    ),
)


def registered(pledge: Pledge) -> Pledge:
    """Returns the pledge with a registration that is its own; the default policy requires one."""
    number = f"{pledge.loan_id}-{pledge.asset_id}-{pledge.pledge_id}"
    return replace(pledge, registry="notice registry", registration_number=number)


def open_filled_book(url) -> Database:
    """Returns a new book with assets of three kinds and two loans."""
    database = open_empty_book(url)
    fill_book(database)
    return database


def fill_book(database) -> None:
    """Registers assets of three kinds and loans, then lets a price fall for four weeks."""
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=10)))
    do(database, lambda write: ensure_fx_series(write, {("EUR", "USD")}))
    do(database, lambda write: ingest_prices(write, [*quotes("copper", 9700), *quotes("fx-eur-usd", 1.13)]))
    for asset in (LOT, MACHINE, IP_ASSET):
        do(database, lambda write, asset=asset: register.register(write, asset))
    nothing = Balance(Money(0, "EUR"), Money(0, "EUR"), Money(0, "EUR"), FIRST)
    for loan in ("loan-1", "loan-2"):
        do(database, lambda write, loan=loan: lending.create_loan(write, Loan(loan, "Acme", "EUR", nothing)))
    first = registered(Pledge("p-1", "loan-1", "lot-1", 1, limit=Money(40_000_000, "EUR")))
    for pledge in (
        first,
        registered(Pledge("p-2", "loan-2", "lot-1", 2)),
        registered(Pledge("p-3", "loan-1", "machine-1")),
        registered(Pledge("p-4", "loan-2", "patent-1")),
    ):
        do(database, lambda write, pledge=pledge: pledges.pledge_asset(write, pledge))
    owed = [("loan-1", 38_000_000), ("loan-2", 45_000_000)]
    pushes = [
        BalancePush(n, loan, replace(nothing, principal=Money(amount, "EUR"))) for n, (loan, amount) in enumerate(owed)
    ]
    do(database, lambda write: lending.ingest_balances(write, pushes, ()))
    for week, price in enumerate(("9200", "8600", "8100", "7900")):
        day = FIRST + timedelta(days=7 * (week + 1))
        do(database, lambda write, day=day: advance(write, day_of(day)))
        finish_run(database)
        do(
            database,
            lambda write, day=day, price=price: ingest_prices(write, [Quote(0, "copper", day, Decimal(price))]),
        )
