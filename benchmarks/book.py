"""Makes a book of any size straight through the store's columns: lots, machines, loans, pledges, prices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from sqlalchemy import select, text

from collateral_registry.commands.business_date import open_book
from collateral_registry.commands.prices import Quote, ingest_prices, open_series
from collateral_registry.domain.assets import Asset, Inventory
from collateral_registry.domain.days import day_of
from collateral_registry.domain.facts import Int
from collateral_registry.domain.judge import NO_DAY
from collateral_registry.domain.lending import Balance, Loan, Pledge
from collateral_registry.domain.money import Money
from collateral_registry.domain.prices import PriceSeries
from collateral_registry.store.bulk import insert_columns
from collateral_registry.store.database import Database, Write
from collateral_registry.store.documents import to_document
from collateral_registry.store.migrate import migrate
from collateral_registry.store.tables import (
    AssetRevisionRow,
    AssetRow,
    InventoryRow,
    LoanRevisionRow,
    LoanRow,
    PledgeRevisionRow,
    PledgeRow,
    PriceSeriesRow,
    TargetRow,
)

FIRST = date(2021, 12, 31)
SERIES = 50
HISTORY_DAYS = 600
ASSETS_PER_LOAN = 10
LOANS_PER_BORROWER = 2
WAREHOUSES = 400
METAL = "inventory.base_metal"


@dataclass(frozen=True)
class Size:
    """Numbers of assets and loans."""

    assets: int
    loans: int


def make_book(database: Database, size: Size) -> None:
    """Fills an empty database: each loan has ten lots of one series, of fifty."""
    migrate(database)
    open_book(database, day_of(FIRST))
    for number in range(SERIES):
        with database.write("bench", "bench") as write:
            series = f"series-{number}"
            open_series(write, PriceSeries(series, series, "t", "USD", max_age_days=30))
            ingest_prices(write, history_of(series, number))
            write.commit()
    with database.write("bench", "bench") as write:
        _insert_assets(write, size)
        _insert_loans(write, size)
        _insert_pledges(write, size)
        write.commit()
    gather_statistics(database)


def gather_statistics(database: Database) -> None:
    """Lets PostgreSQL look at tables just filled, as its autovacuum would within a minute."""
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


def history_of(series: str, seed: int) -> list[Quote]:
    """Prices of a series on the business days up to the first date of the book."""
    moves = np.random.default_rng(seed).normal(0, 0.012, HISTORY_DAYS)
    path = 1000.0 * np.exp(np.cumsum(moves) - np.cumsum(moves)[-1])
    days = np.busday_offset(FIRST, -np.arange(HISTORY_DAYS)[::-1], roll="backward").astype(object)
    return [
        Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(zip(days, path, strict=True))
    ]


def _insert_assets(write: Write, size: Size) -> None:
    count, numbers = size.assets, range(1, size.assets + 1)
    keys = np.arange(1, count + 1, dtype=np.int64)
    series = [f"series-{(key - 1) // ASSETS_PER_LOAN % SERIES}" for key in numbers]
    places = [f"W{key % WAREHOUSES}" for key in numbers]
    ids = [f"lot-{key}" for key in numbers]
    asset = {
        "asset_key": keys,
        "asset_id": ids,
        "kind": 1,
        "asset_class": METAL,
        "currency": "USD",
        "owner": "Bench",
        "good": series,
        "place": places,
        "identity": [f"warehouse W lot {key}" for key in numbers],
        "status": 1,
        "prior_claims_minor": 0,
        "insurance_day": NO_DAY,
        "inspection_day": NO_DAY,
        "revision": 1,
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    insert_columns(write.connection, AssetRow, asset, count)
    revision = {
        "asset_key": keys,
        "revision": 1,
        "seq": write.seq,
        "good": series,
        "place": places,
        "document": _asset_documents(ids, series, places),
    }
    insert_columns(write.connection, AssetRevisionRow, revision, count)
    lot = {
        "asset_key": keys,
        "series_id": series,
        "series_key": _series_keys(write)[(keys - 1) // ASSETS_PER_LOAN % SERIES],
        "quantity_in_series_unit": 10.0 + keys % 7,
    }
    insert_columns(write.connection, InventoryRow, lot, count)
    insert_columns(write.connection, TargetRow, {"target_key": keys, "asset_key": keys, "currency": "USD"}, count)


def _series_keys(write: Write) -> Int:
    """The key of each series, by its number."""
    found = write.connection.execute(select(PriceSeriesRow.series_id, PriceSeriesRow.series_key))
    keys = {series_id: key for series_id, key in found}  # noqa: C416 - rows are not pairs to the type checker
    return np.array([keys[f"series-{number}"] for number in range(SERIES)], dtype=np.int64)


def _asset_documents(ids: list[str], series: list[str], places: list[str]) -> list[str]:
    """The document of one lot with the names of each in it."""
    lot = Asset("@id", "Bench", METAL, "USD", Inventory("series-0", Decimal(10), "t", "@place", "L"))
    start, middle, end = re.split("@id|@place", to_document(lot).replace("series-0", "@good"))
    first, second = middle.split("@good")
    return [
        f"{start}{name}{first}{good}{second}{place}{end}" for name, good, place in zip(ids, series, places, strict=True)
    ]


def _insert_loans(write: Write, size: Size) -> None:
    count, numbers = size.loans, range(1, size.loans + 1)
    keys = np.arange(1, count + 1, dtype=np.int64)
    ids = [f"loan-{key}" for key in numbers]
    borrowers = [f"Firm {(key + 1) // LOANS_PER_BORROWER}" for key in numbers]
    levels = dict.fromkeys(("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm"), 0)
    loan = {
        "loan_key": keys,
        "loan_id": ids,
        "borrower": borrowers,
        "currency": "USD",
        "exposure_minor": 6_000_000 + keys * 5_000_000 // count,
        "balance_day": day_of(FIRST),
        "credit_limit_minor": -1,
        "ltv_basis": 0,
        **levels,
        "maturity_day": NO_DAY,
        "state": 1,
        "revision": 1,
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    insert_columns(write.connection, LoanRow, loan, count)
    owed, nothing = Money(6_000_000, "USD"), Money(0, "USD")
    document = to_document(Loan("@id", "@borrower", "USD", Balance(owed, nothing, nothing, FIRST)))
    start, middle, end = re.split("@id|@borrower", document)
    revision = {
        "loan_key": keys,
        "revision": 1,
        "seq": write.seq,
        "borrower": borrowers,
        "currency": "USD",
        "state": 1,
        "document": [f"{start}{name}{middle}{firm}{end}" for name, firm in zip(ids, borrowers, strict=True)],
    }
    insert_columns(write.connection, LoanRevisionRow, revision, count)


def _insert_pledges(write: Write, size: Size) -> None:
    keys = np.arange(1, size.assets + 1, dtype=np.int64)
    pledge = {
        "pledge_key": keys,
        "pledge_id": [f"p-{key}" for key in range(1, size.assets + 1)],
        "loan_key": (keys - 1) * size.loans // size.assets + 1,
        "asset_key": keys,
        "target_key": keys,
        "rank": 1,
        "share_ppm": 1_000_000,
        "limit_minor": -1,
        "registration_expire_day": NO_DAY,
        "state": 1,
        "revision": 1,
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    insert_columns(write.connection, PledgeRow, pledge, size.assets)
    document = to_document(Pledge("p", "l", "a"))
    revision = {"pledge_key": keys, "revision": 1, "seq": write.seq, "document": document}
    insert_columns(write.connection, PledgeRevisionRow, revision, size.assets)
