"""Generates a book of any size by inserting columns: prices, inventory lots, loans and pledges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from sqlalchemy import select, text

from collateral_registry.commands.book.business_date import open_book
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices, open_series
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.assets.kinds import Asset, Inventory
from collateral_registry.domain.findings.references import folded
from collateral_registry.domain.loans.agreements import Balance, Loan, Pledge
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.domain.shared.days import NO_DAY, day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.engine.bulk import insert_columns
from collateral_registry.store.engine.database import Database, Write
from collateral_registry.store.engine.json_documents import to_document
from collateral_registry.store.engine.migrate import migrate
from collateral_registry.store.schema.assets import AssetRevisionRow, AssetRow, InventoryRow, TargetRow
from collateral_registry.store.schema.loans import LoanRevisionRow, LoanRow, PledgeRevisionRow, PledgeRow
from collateral_registry.store.schema.prices import PriceSeriesRow
from collateral_registry.store.schema.stock import PlaceClaimRow
from valuation._typing import Int

FIRST = date(2021, 12, 31)
INSURED_UNTIL = date(2035, 12, 31)
SERIES = 50
HISTORY_DAYS = 600
ASSETS_PER_LOAN = 10
LOANS_PER_BORROWER = 2
WAREHOUSES = 400
LOTS_SIDE_BY_SIDE = 250
METAL = "inventory.base_metal"


@dataclass(frozen=True)
class Size:
    """Number of assets and loans in a book."""

    assets: int
    loans: int


def make_book(database: Database, size: Size) -> None:
    """Fills an empty database; the lots of a loan have the same good, one of SERIES."""
    migrate(database)
    open_book(database, day_of(FIRST))
    for number in range(SERIES):
        with database.write("bench", Author("bench", "bench")) as write:
            series = f"series-{number}"
            open_series(write, PriceSeries(series, series, "t", "USD", max_age_days=30))
            ingest_prices(write, history_of(series, number))
            commit(write)
    with database.write("bench", Author("bench", "bench")) as write:
        _insert_assets(write, size)
        _insert_loans(write, size)
        _insert_pledges(write, size)
        commit(write)
    gather_statistics(database)


def good_of(key: int) -> str:
    """Returns the good of an asset key."""
    return f"series-{(key - 1) // ASSETS_PER_LOAN % SERIES}"


def warehouse_of(key: int) -> str:
    """Returns the warehouse of an asset key; LOTS_SIDE_BY_SIDE consecutive lots share a warehouse."""
    return f"W{(key - 1) // LOTS_SIDE_BY_SIDE % WAREHOUSES}"


def lot_of(key: int) -> str:
    """Returns the lot number of an asset key."""
    return f"LOT-{key:07d}"


def gather_statistics(database: Database) -> None:
    """Updates the planner statistics of PostgreSQL after tables are filled, as autovacuum would within a minute."""
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


def history_of(series: str, seed: int) -> list[Quote]:
    """Returns random prices of a series on the business days up to the first date of the book."""
    moves = np.random.default_rng(seed).normal(0, 0.012, HISTORY_DAYS)
    path = 1000.0 * np.exp(np.cumsum(moves) - np.cumsum(moves)[-1])
    days = np.busday_offset(FIRST, -np.arange(HISTORY_DAYS)[::-1], roll="backward").astype(object)
    return [
        Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(zip(days, path, strict=True))
    ]


def _insert_assets(write: Write, size: Size) -> None:
    count, numbers = size.assets, range(1, size.assets + 1)
    keys = np.arange(1, count + 1, dtype=np.int64)
    series, places, lots = ([of(key) for key in numbers] for of in (good_of, warehouse_of, lot_of))
    ids = [f"lot-{key}" for key in numbers]
    tonnes = 10 + keys % 7
    asset = {
        "asset_key": keys,
        "asset_id": ids,
        "kind": 1,
        "asset_class": METAL,
        "currency": "USD",
        "owner": "Bench",
        "good": series,
        "place": places,
        "identity": [f"warehouse {place} lot {lot}" for place, lot in zip(places, lots, strict=True)],
        "status": 1,
        "prior_claims_minor": 0,
        "insurance_day": day_of(INSURED_UNTIL),
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
        "document": _asset_documents(ids, series, tonnes.tolist(), places, lots),
    }
    insert_columns(write.connection, AssetRevisionRow, revision, count)
    lot = {
        "asset_key": keys,
        "series_id": series,
        "series_key": _series_keys(write)[(keys - 1) // ASSETS_PER_LOAN % SERIES],
        "quantity_in_series_unit": tonnes.astype(np.float64),
    }
    insert_columns(write.connection, InventoryRow, lot, count)
    millionths = tonnes * 1_000_000
    claim = {
        "asset_key": keys,
        "place": [folded(place) for place in places],
        "good": series,
        "unit": "t",
        "quantity": millionths,
        "stated": millionths,
        "receipted": 0,
    }
    insert_columns(write.connection, PlaceClaimRow, claim, count)
    insert_columns(write.connection, TargetRow, {"target_key": keys, "asset_key": keys, "currency": "USD"}, count)


def _series_keys(write: Write) -> Int:
    """Returns the key of each series [SERIES] by its number."""
    rows = write.connection.execute(select(PriceSeriesRow.series_id, PriceSeriesRow.series_key))
    keys = {row.series_id: row.series_key for row in rows}
    return np.array([keys[f"series-{number}"] for number in range(SERIES)], dtype=np.int64)


def _asset_documents(*columns: Sequence[object]) -> list[str]:
    """Returns the JSON documents of lots, given columns of id, good, tonnes, warehouse and lot.

    One document is serialised with placeholders, which are then replaced for every lot; this is faster.
    """
    name, good, tonnes, place, lot = placeholders = ("the-id", "the-good", "987654321", "the-place", "the-lot")
    asset = Asset(
        name, "Bench", METAL, "USD", Inventory(good, Decimal(tonnes), "t", place, lot), insurance_expire=INSURED_UNTIL
    )
    first, *rest = re.split("|".join(placeholders), to_document(asset))
    return [
        first + "".join(f"{value}{part}" for value, part in zip(row, rest, strict=True))
        for row in zip(*columns, strict=True)
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
        "is_registered": 1,
        "registration_expire_day": NO_DAY,
        "state": 1,
        "revision": 1,
        "created_seq": write.seq,
        "updated_seq": write.seq,
    }
    insert_columns(write.connection, PledgeRow, pledge, size.assets)
    document = to_document(Pledge("p", "l", "a", registry="notices", registration_number="1"))
    revision = {"pledge_key": keys, "revision": 1, "seq": write.seq, "document": document}
    insert_columns(write.connection, PledgeRevisionRow, revision, size.assets)
