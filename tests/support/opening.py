"""The initial book of every example of the stateful tests."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from benchmarks.chaos.scenario import MILLIONTHS
from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import open_book
from collateral_registry.commands.loans import lending
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.loans.agreements import Balance, Loan
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.migrate import migrate
from tests.support.books import FIRST, PAPERS, do

NOW = datetime(2022, 6, 1, tzinfo=UTC)
PRICE = Decimal(10_000)
OPENING = 100 * MILLIONTHS
PLACES = [(warehouse, lot) for warehouse in ("W-1", "W-2") for lot in ("L-1", "L-2", "L-3")]
NEW_LOTS = ["L-4", "L-5"]
"""Lots that splits open; they secure no loan."""

LINKED = "W-1"
"""The warehouse whose lots are registered as assets. Movements elsewhere change no asset."""

REFERENCE = {place[0]: (place[0], "L-0") for place in PLACES}
"""A lot in each warehouse that is never moved, counted or pledged: it shows the lendable value of a tonne there."""

LOANS = ["loan-1", "loan-2", "loan-3"]


def refusal_of(database, work):
    """Runs one change; returns the reason if it is refused, else an empty string."""
    try:
        do(database, work)
    except Refused as refusal:
        return refusal.reason
    return ""


def usd(minor):
    return Money(minor, "USD")


def asset_id(place):
    return f"{place[0]}-{place[1]}".lower()


def prepare(database):
    """Stores prices, a lot of a hundred tonnes in every place, and loans without debt."""
    migrate(database)
    open_book(database, day_of(FIRST))
    do(database, lambda write: open_series(write, PriceSeries("copper", "copper", "t", "USD", max_age_days=400)))
    moves = np.random.default_rng(3).normal(0, 0.012, 300)
    path = float(PRICE) * np.exp(np.cumsum(moves) - np.cumsum(moves)[-1])
    days = np.busday_offset(FIRST, -np.arange(300)[::-1], roll="backward").astype(object)
    found = [
        Quote(n, "copper", day, Decimal(f"{price:.2f}")) for n, (day, price) in enumerate(zip(days, path, strict=True))
    ]
    do(database, lambda write: ingest_prices(write, found))
    for place in [*PLACES, *REFERENCE.values()]:
        warehouse = place[0] if place[0] == LINKED else f"silent {place[0]}"
        lot = Inventory("copper", Decimal(100), "t", warehouse, place[1])
        asset = Asset(asset_id(place), "Acme", "inventory.base_metal", "USD", lot, **PAPERS)
        do(database, lambda write, asset=asset: register.register(write, asset))
    for loan in LOANS:
        new = Loan(loan, "Acme", "USD", Balance(usd(0), usd(0), usd(0), FIRST))
        do(database, lambda write, new=new: lending.create_loan(write, new))
