"""Seconds to revalue a book and judge its loans, stored, against reading and writing the same columns by ADBC."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
from sqlalchemy.engine import make_url

from benchmarks.book import ASSETS_PER_LOAN, Size, make_book
from collateral_registry.commands.revalue import revalue
from collateral_registry.store.database import Database

RUNS = 3

READ = (
    "SELECT asset_key, revision, status, insurance_day, inspection_day, prior_claims_minor, asset_class, currency "
    "FROM asset",
    "SELECT asset_key, series_key, quantity_in_series_unit FROM inventory",
    "SELECT target_key, asset_key, currency FROM valuation_target",
    "SELECT pledge_key, loan_key, asset_key, target_key, rank, share_ppm, limit_minor, registration_expire_day "
    "FROM pledge",
    "SELECT loan_key, currency, exposure_minor, balance_day, ltv_basis, watch_ppm, margin_call_ppm FROM loan",
)
WRITTEN = ("valuation", "loan_cover", "pledge_cover")


def measure_revaluation(url: str, assets: int) -> tuple[float, float]:
    """Best seconds of our revaluation and of the floor, in turns on the same database."""
    database = Database(url, lambda: datetime.now(UTC))
    make_book(database, Size(assets, assets // ASSETS_PER_LOAN))
    ours, floor = [], []
    for _ in range(RUNS):
        ours.append(_revalue(database))
        floor.append(_floor(url))
    database.close()
    return min(ours), min(floor)


def _revalue(database: Database) -> float:
    start = time.perf_counter()
    with database.write("bench", "bench") as write:
        revalue(write)
        write.commit()
    return time.perf_counter() - start


def _connect(url: str):  # noqa: ANN202 - an ADBC connection
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        return adbc_driver_sqlite.dbapi.connect(parsed.database)
    host = parsed.query["host"]
    return adbc_driver_postgresql.dbapi.connect(f"postgresql:///{parsed.database}?host={host}&user=postgres")


def _floor(url: str, seq: int) -> float:
    """Reads what a run reads and appends the rows it wrote to tables of the same columns."""
    with _connect(url) as connection, connection.cursor() as cursor:
        rows = {name: _fetched(cursor, f"SELECT * FROM {name} WHERE seq = {seq:d}") for name in WRITTEN}
        for name in WRITTEN:
            cursor.execute(f"DROP TABLE IF EXISTS floor_{name}")
        connection.commit()
        start = time.perf_counter()
        for query in READ:
            _fetched(cursor, query)
        for name, table in rows.items():
            cursor.adbc_ingest(f"floor_{name}", table, mode="create")
        connection.commit()
        seconds = time.perf_counter() - start
        for name in WRITTEN:
            cursor.execute(f"DROP TABLE floor_{name}")
        connection.commit()
    return seconds


def _fetched(cursor, query: str) -> pa.Table:  # noqa: ANN001 - an ADBC cursor
    cursor.execute(query)
    return cursor.fetch_arrow_table()
