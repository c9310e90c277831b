"""Makes a book of any size straight through the store's columns: lots, machines, loans, pledges, prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from sqlalchemy import func, select

from collateral_registry.commands.business_date import open_book
from collateral_registry.commands.prices import Quote, ingest_prices, open_series
from collateral_registry.domain.assets import Asset, Inventory
from collateral_registry.domain.days import day_of
from collateral_registry.domain.judge import NO_DAY
from collateral_registry.domain.lending import Balance, Loan, Pledge
from collateral_registry.domain.money import Money
from collateral_registry.domain.prices import PriceSeries
from collateral_registry.store.bulk import insert_columns
from collateral_registry.store.database import Database
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
            ingest_prices(write, _history(series, number))
            write.commit()
    with database.write("bench", "bench") as write:
        _insert_assets(write, size)
        _insert_loans(write, size)
        write.commit()


def _history(series: str, seed: int) -> list[Quote]:
    moves = np.random.default_rng(seed).normal(0, 0.012, HISTORY_DAYS)
    path = 1000.0 * np.exp(np.cumsum(moves) - np.cumsum(moves)[-1])
    days = np.busday_offset(FIRST, -np.arange(HISTORY_DAYS)[::-1], roll="backward").astype(object)
    return [
        Quote(n, series, day, Decimal(f"{price:.6g}")) for n, (day, price) in enumerate(zip(days, path, strict=True))
    ]


def _insert_assets(write, size: Size) -> None:  # noqa: ANN001 - a write transaction
    keys = np.arange(1, size.assets + 1, dtype=np.int64)
    found = write.connection.execute(
        select(PriceSeriesRow.series_id, func.min(PriceSeriesRow.series_key)).group_by(PriceSeriesRow.series_id)
    )
    series_key = dict(tuple(row) for row in found)
    series = [f"series-{(key - 1) // ASSETS_PER_LOAN % SERIES}" for key in keys.tolist()]
    sample = Asset("a", "Bench", "inventory.base_metal", "USD", Inventory("series-0", Decimal(10), "t", "W", "L"))
    document = to_document(sample)
    ids = [f"lot-{key}" for key in keys.tolist()]
    documents = [
        document.replace('"asset_id":"a"', f'"asset_id":"{name}"').replace("series-0", good)
        for name, good in zip(ids, series, strict=True)
    ]
    insert_columns(
        write.connection,
        AssetRow,
        {
            "asset_key": keys,
            "asset_id": ids,
            "kind": 1,
            "asset_class": "inventory.base_metal",
            "currency": "USD",
            "owner": "Bench",
            "good": series,
            "place": "W",
            "identity": [f"warehouse W lot {key}" for key in keys.tolist()],
            "status": 1,
            "prior_claims_minor": 0,
            "insurance_day": NO_DAY,
            "inspection_day": NO_DAY,
            "revision": 1,
            "created_seq": write.seq,
            "updated_seq": write.seq,
        },
        size.assets,
    )
    insert_columns(
        write.connection,
        AssetRevisionRow,
        {"asset_key": keys, "revision": 1, "seq": write.seq, "document": documents},
        size.assets,
    )
    insert_columns(
        write.connection,
        InventoryRow,
        {
            "asset_key": keys,
            "series_id": series,
            "series_key": np.array([series_key[name] for name in series], dtype=np.int64),
            "quantity_in_series_unit": 10.0 + keys % 7,
        },
        size.assets,
    )
    insert_columns(write.connection, TargetRow, {"target_key": keys, "asset_key": keys, "currency": "USD"}, size.assets)


def _insert_loans(write, size: Size) -> None:  # noqa: ANN001 - a write transaction
    keys = np.arange(1, size.loans + 1, dtype=np.int64)
    owed = Money(6_000_000 + 0, "USD")
    nothing = Money(0, "USD")
    loan = Loan("l", "Bench", "USD", Balance(owed, nothing, nothing, FIRST))
    ids = [f"loan-{key}" for key in keys.tolist()]
    documents = [to_document(loan).replace('"loan_id":"l"', f'"loan_id":"{name}"') for name in ids]
    levels = dict.fromkeys(("watch_ppm", "margin_call_ppm", "stop_draw_ppm", "liquidation_ppm"), 0)
    insert_columns(
        write.connection,
        LoanRow,
        {
            "loan_key": keys,
            "loan_id": ids,
            "borrower": "Bench",
            "currency": "USD",
            "exposure_minor": 6_000_000 + keys * 5_000_000 // size.loans,
            "balance_day": day_of(FIRST),
            "credit_limit_minor": -1,
            "ltv_basis": 0,
            **levels,
            "maturity_day": NO_DAY,
            "state": 1,
            "revision": 1,
            "created_seq": write.seq,
            "updated_seq": write.seq,
        },
        size.loans,
    )
    revisions = {"loan_key": keys, "revision": 1, "seq": write.seq, "document": documents}
    insert_columns(write.connection, LoanRevisionRow, revisions, size.loans)
    assets = np.arange(1, size.assets + 1, dtype=np.int64)
    pledge = to_document(Pledge("p", "l", "a"))
    insert_columns(
        write.connection,
        PledgeRow,
        {
            "pledge_key": assets,
            "pledge_id": [f"p-{key}" for key in assets.tolist()],
            "loan_key": (assets - 1) * size.loans // size.assets + 1,
            "asset_key": assets,
            "target_key": assets,
            "rank": 1,
            "share_ppm": 1_000_000,
            "limit_minor": -1,
            "registration_expire_day": NO_DAY,
            "state": 1,
            "revision": 1,
            "created_seq": write.seq,
            "updated_seq": write.seq,
        },
        size.assets,
    )
    insert_columns(
        write.connection,
        PledgeRevisionRow,
        {"pledge_key": assets, "revision": 1, "seq": write.seq, "document": pledge},
        size.assets,
    )
