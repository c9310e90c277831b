"""Measures loans checked a second, in columns, compared with a loop of four queries a loan.

The loop represents a typical lending system: for each loan it reads the loan, its pledges, the status and price of the
pledged assets and their newest valuations, and compares the LTV with four limits. It uses the same database, the plain
driver, one cursor and one transaction, and reads only the columns it needs. It omits ranks and limits of pledges, last
good values, coverage, cures, deadlines and events, which the service includes.

The service is measured in three ways. In the first, the book is cached in columns and refreshed from the commits since
the last check; CHANGED_LOANS loans are judged before each round so that there is something to refresh. The other two
read every row of the tables and judge, with and without storing the judgements.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from sqlalchemy.engine import make_url

from benchmarks.book import ASSETS_PER_LOAN
from benchmarks.measured import Measured, peak_mb
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.judge_loans import judge_loans, judged_loans
from collateral_registry.commands.pipeline.recompute import NO_KEYS, recompute
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.reports.snapshots import Snapshots
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.loans.levels import loan_to_value
from collateral_registry.domain.reports.totals import sums_by
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.pledges import read_pledges
from collateral_registry.store.revaluation.runs import loans_between
from valuation._typing import Int
from valuation.money import PPM

RUNS = 3

CHANGED_LOANS = 100
LOOP_LOANS = 2_000
"""Number of loans in the loop, spread evenly over the book."""

ANY_KEY = 2**62
"""A key larger than any."""

LIMITS = (0.90, 1.00, 1.10, 1.20)

QUERIES = (
    "SELECT exposure_minor FROM loan WHERE loan_key = ?",
    "SELECT asset_key, target_key, share_ppm FROM pledge WHERE loan_key = ? AND state = 1",
    "SELECT a.asset_key, a.status, s.latest_price, s.latest_day FROM pledge p "
    "JOIN asset a ON a.asset_key = p.asset_key JOIN inventory i ON i.asset_key = a.asset_key "
    "JOIN price_series s ON s.series_key = i.series_key WHERE p.loan_key = ? AND p.state = 1",
    "SELECT v.target_key, v.lendable_minor FROM pledge p JOIN valuation v ON v.target_key = p.target_key "
    "WHERE p.loan_key = ? AND p.state = 1 AND v.seq = (SELECT max(seq) FROM revaluation_run)",
)
"""Queries for the loan, its pledges, the status and price of the assets, and their values of the newest run."""

Fetch = Callable[[str, int], list[Any]]


def measure_loan_checks(url: str, assets: int) -> list[Measured]:
    """Measures loans a second from the cache, computed from tables, and stored, in alternating rounds with the loop."""
    database = Database(url, wall_clock)
    loans = assets // ASSETS_PER_LOAN
    chosen = np.linspace(1, loans, min(LOOP_LOANS, loans), dtype=np.int64).tolist()
    kept, computed, stored, loop = [], [], [], []
    snapshots = Snapshots()
    _check(database, snapshots)
    for _ in range(RUNS):
        _judge_some(database)
        kept.append(loans / _seconds(lambda: _check(database, snapshots)))
        computed.append(loans / _seconds(lambda: _compute(database)))
        stored.append(loans / _seconds(lambda: _store(database)))
        loop.append(len(chosen) / _seconds(lambda: _loop(url, chosen)))
    if _loop(url, chosen) != _check(database, snapshots)[np.array(chosen) - 1].tolist():
        raise RuntimeError("levels: the loop and the columns differ, want equal levels")
    peak, floor = peak_mb(), max(loop)
    database.close()
    return [
        Measured("loans checked from columns kept, against four queries a loan", max(kept), "loans/s", floor, peak),
        Measured(
            "loans judged from the tables, not stored, against four queries a loan",
            max(computed),
            "loans/s",
            floor,
            peak,
        ),
        Measured(
            "loans judged from the tables and stored, against four queries a loan", max(stored), "loans/s", floor, peak
        ),
    ]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _judge_some(database: Database) -> None:
    """Commits a change that affects CHANGED_LOANS loans."""
    with database.write("bench", Author("bench", "bench")) as write:
        recompute(write, loans=np.arange(1, CHANGED_LOANS + 1, dtype=np.int64))
        commit(write)


def _check(database: Database, snapshots: Snapshots) -> Int:
    """Returns the number of limits [loans] that each loan has reached, in order of loan keys."""
    with database.read() as connection:
        snapshot = snapshots.at(connection, newest_commit(connection)[0])
    covers, at = snapshot.covers, snapshot.claim_cover
    counts = snapshot.claims["seq"] == covers["seq"][at]
    collateral = sums_by(np.where(counts, snapshot.claims["lendable_minor"], 0), at, len(covers["seq"]))
    ltv = loan_to_value(covers["exposure_minor"], collateral)
    reached: Int = sum(((ltv >= limit).astype(np.int64) for limit in LIMITS), np.zeros(len(ltv), dtype=np.int64))
    return reached


def _compute(database: Database) -> None:
    """Reads all loans, pledges, values and last judgements and judges the loans without writing."""
    with database.read() as connection:
        _, day = newest_commit(connection)
        policy = policy_in_force(connection, day)
        loans = loans_between(connection, 0, ANY_KEY)
        judged_loans(connection, loans, read_pledges(connection, loans), None, policy, day, NO_KEYS)


def _store(database: Database) -> None:
    """Judges all loans in a write transaction; judgements, claims and events are durable at the end."""
    with database.write("bench", Author("bench", "bench")) as write:
        loans = loans_between(write.connection, 0, ANY_KEY)
        judge_loans(write, loans, None, policy_in_force(write.connection, write.market_day), NO_KEYS)
        commit(write)


def _loop(url: str, loan_keys: list[int]) -> list[int]:
    """Returns the number of limits that each loan has reached, computed loan by loan."""
    with _fetcher(url) as fetch:
        return [_level(fetch, key) for key in loan_keys]


def _level(fetch: Fetch, loan_key: int) -> int:
    loan, pledges, assets, values = (fetch(query, loan_key) for query in QUERIES)
    usable = {asset for asset, status, price, _ in assets if status == 1 and price is not None}
    lendable = dict(values)
    collateral = sum(lendable[target] * share // PPM for asset, target, share in pledges if asset in usable)
    ltv = loan[0][0] / collateral if collateral else float("inf")
    return sum(ltv >= limit for limit in LIMITS)


@contextmanager
def _fetcher(url: str) -> Iterator[Fetch]:
    """Provides a function that runs a query for a loan on a plain driver connection."""
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        connection: Any = sqlite3.connect(str(parsed.database))
        placeholder = "?"
    else:
        connection = psycopg.connect(f"dbname={parsed.database} host={parsed.query['host']} user=postgres")
        placeholder = "%s"
    queries = {query: query.replace("?", placeholder) for query in QUERIES}
    cursor = connection.cursor()
    try:
        yield lambda query, key: cursor.execute(queries[query], (key,)).fetchall()
    finally:
        connection.close()
