"""Measures the revaluation of a book, compared with reading and writing the same columns by ADBC."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from os import cpu_count

import pyarrow as pa
from adbc_driver_manager.dbapi import Cursor

from benchmarks.adbc import connect
from benchmarks.measured import Measured, peak_mb_of_children
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.revaluation.runs import pending_jobs, plan_run, publish_run, start_run
from collateral_registry.domain.access.callers import Author
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
    "SELECT pledge_key, loan_key, asset_key, target_key, rank, share_ppm, limit_minor, is_registered, "
    "registration_expire_day FROM pledge",
    "SELECT loan_key, currency, exposure_minor, balance_day, ltv_basis, watch_ppm, margin_call_ppm FROM loan",
)
WRITTEN = ("valuation", "loan_judgement", "pledge_claim")


def measure_revaluation(url: str, _assets: int) -> list[Measured]:
    """Measures the best run in worker processes and the best floor, alternating on one database.

    The peak memory is that of one worker.
    """
    database = Database(url, lambda: datetime.now(UTC))
    workers = LocalWorkers(url, cpu_count() or 1)
    ours, floor = [], []
    for _ in range(RUNS + 1):
        seconds, seq = revalue(database, workers)
        ours.append(seconds)
        floor.append(_floor(url, seq))
    peak = peak_mb_of_children()
    workers.close()
    database.close()
    # The first run does not count: it starts the workers and fits the curves, which a running service already has.
    return [Measured(REVALUED, min(ours[1:]), "s", min(floor), peak)]


def revalue(database: Database, workers: LocalWorkers) -> tuple[float, int]:
    """Returns the seconds of a run from start to publication, and its commit sequence."""
    start = time.perf_counter()
    with database.write("bench", Author("bench", "bench")) as write:
        start_run(write)
        commit(write)
    plan_run(database, write.seq)
    jobs = pending_jobs(database, write.seq)
    for steps in ((RunStep.CURVES,), (RunStep.LOANS, RunStep.UNPLEDGED)):
        for _ in workers.work([job for job in jobs if job.partition.step in steps]):
            pass
    with database.write("bench", Author("bench", "bench")) as publishing:
        publish_run(publishing, write.seq)
        publishing.commit()
    seconds = time.perf_counter() - start
    database.engine.dispose()
    return seconds, write.seq


def _floor(url: str, seq: int) -> float:
    """Returns the seconds to read the input of a run and to append its output to tables of the same columns."""
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


def _fetched(cursor: Cursor, query: str) -> pa.Table:
    cursor.execute(query)
    return cursor.fetch_arrow_table()
