"""Seconds to revalue a book and judge its loans, stored, against reading and writing the same columns by ADBC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from os import cpu_count

import pyarrow as pa

from benchmarks.adbc import connect
from benchmarks.measured import Measured, peak_mb_of_children
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.revaluation.runs import pending_jobs, plan_run, publish_run, start_run
from collateral_registry.domain.revaluation.runs import RunStep
from collateral_registry.runtime.revaluation.local_workers import LocalWorkers
from collateral_registry.store.engine.database import Database

RUNS = 3
REVALUED = "revalue and judge, stored"

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


def measure_revaluation(url: str, _assets: int) -> list[Measured]:
    """Best seconds of a run in worker processes and of the floor, in turns on one database; the peak is a worker's."""
    database = Database(url, lambda: datetime.now(UTC))
    workers = LocalWorkers(url, cpu_count() or 1)
    ours, floor = [], []
    for _ in range(RUNS + 1):
        seconds, seq = _revalue(database, workers)
        ours.append(seconds)
        floor.append(_floor(url, seq))
    peak = peak_mb_of_children()
    workers.close()
    database.close()
    # The first run starts the workers and makes the curves; a service has them.
    return [Measured(REVALUED, min(ours[1:]), "s", min(floor), peak)]


def _revalue(database: Database, workers: LocalWorkers) -> tuple[float, int]:
    """Seconds of a run from its start to its publication, and its sequence."""
    start = time.perf_counter()
    with database.write("bench", "bench") as write:
        start_run(write)
        commit(write)
    plan_run(database, write.seq)
    orders = pending_jobs(database, write.seq)
    for steps in ((RunStep.CURVES,), (RunStep.LOANS, RunStep.UNPLEDGED)):
        for _ in workers.work([order for order in orders if order.partition.step in steps]):
            pass
    with database.write("bench", "bench") as publishing:
        publish_run(publishing, write.seq)
        publishing.commit()
    seconds = time.perf_counter() - start
    database.engine.dispose()
    return seconds, write.seq


def _floor(url: str, seq: int) -> float:
    """Reads what a run reads and appends the rows it wrote to tables of the same columns."""
    with connect(url) as connection, connection.cursor() as cursor:
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
