"""Generates a book of many loans, some of them beyond their limits, whose ticking series price a part of the lots."""

from __future__ import annotations

from sqlalchemy import String, cast, func, literal, select, update
from sqlalchemy.sql.functions import Function
from sqlmodel import col

from benchmarks.book import Size, gather_statistics, history_of, make_book
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.engine.database import Database, Write
from collateral_registry.store.schema.assets import InventoryRow
from collateral_registry.store.schema.loans import LoanRow, PledgeRevisionRow
from collateral_registry.store.schema.prices import PriceSeriesRow

LOTS_PER_LOAN = 2
TICKING_SERIES = 40
LOTS_OF_A_SERIES = 100
"""Lots that a price of a ticking series values again."""

LEAST_OWED_MINOR = 600_000
OWED_RANGE_MINOR = 900_000
"""Exposures are spread evenly over a range in which a few loans in a hundred are beyond their limits."""

AUTHOR = Author("bench", "bench")


def ticking(number: int) -> str:
    """Returns the id of a ticking series."""
    return f"ticking-{number}"


def make_pages_book(url: str, loans: int) -> None:
    """Fills an empty database with valued loans."""
    database = Database(url, wall_clock)
    make_book(database, Size(LOTS_PER_LOAN * loans, loans))
    with database.write("bench", AUTHOR) as write:
        owed = LEAST_OWED_MINOR + LoanRow.loan_key * 7919 % loans * OWED_RANGE_MINOR / loans
        write.connection.execute(update(LoanRow).values(exposure_minor=owed))
        write.connection.execute(update(PledgeRevisionRow).values(document=_named_asset()))
        for number in range(TICKING_SERIES):
            _open_ticking(write, number)
        commit(write)
    run_book(database, AUTHOR)
    gather_statistics(database)
    database.close()


def _named_asset() -> Function[str]:
    """Returns the documents of pledges with the names of their assets, which the page of a loan shows."""
    named = literal('"asset_id":"lot-') + cast(PledgeRevisionRow.pledge_key, String) + '"'
    return func.replace(PledgeRevisionRow.document, '"asset_id":"a"', named)


def _open_ticking(write: Write, number: int) -> None:
    """Opens a ticking series, and lets it price LOTS_OF_A_SERIES lots."""
    series = ticking(number)
    open_series(write, PriceSeries(series, series, "t", "USD", max_age_days=30))
    ingest_prices(write, history_of(series, 1_000 + number))
    key = write.connection.execute(select(PriceSeriesRow.series_key).where(PriceSeriesRow.series_id == series))
    first = 1 + number * LOTS_OF_A_SERIES
    lots = col(InventoryRow.asset_key).between(first, first + LOTS_OF_A_SERIES - 1)
    write.connection.execute(update(InventoryRow).where(lots).values(series_id=series, series_key=key.scalar_one()))
