"""Loans checked a second: all at once in columns, against a plain loop that asks the database four times a loan.

The loop is what an open lending system does for each loan on its books: it reads the loan, its pledges, the status and
price of what is pledged and the newest valuation of each; then it sums, divides and compares with four limits. It runs
on the same database, with the bare driver and one cursor, in one transaction, and reads only columns it needs. It
leaves out what ours does beside it: ranks and limits of pledges, last good values, coverage, cures, deadlines, events.

Ours is measured three times. A running service has the book in columns and brings them forward from what was committed
since, by SQL on the same database; a hundred loans are judged anew before each round, so that there is something to
bring. The other two keep nothing: they read every row of the tables, judge, and store the judgements or not.
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
from collateral_registry.domain.loans.levels import loan_to_value
from collateral_registry.domain.reports.totals import sums_by
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.pledges import read_pledges
from valuation._typing import Int
from valuation.money import PPM

RUNS = 3

CHANGED_LOANS = 100
LOOP_LOANS = 2_000
"""Loans that the loop is timed on, spread over the book."""

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
"""The loan, its pledges, status and price of the assets, and their values: of the newest run, the quickest to find."""

Ask = Callable[[str, int], list[Any]]


def measure_loan_checks(url: str, assets: int) -> list[Measured]:
    """Loans a second of ours, computed only and stored, each beside the loop."""
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
        raise RuntimeError("the loop and the columns do not agree about the levels")
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
    """A change that touches some loans."""
    with database.write("bench", "bench") as write:
        recompute(write, loans=np.arange(1, CHANGED_LOANS + 1, dtype=np.int64))
        commit(write)


def _check(database: Database, snapshots: Snapshots) -> Int:
    """The number of limits [l] that each loan has reached, from its claims, in order of loans."""
    with database.read() as connection:
        snapshot = snapshots.at(connection, newest_commit(connection)[0])
    covers, at = snapshot.covers, snapshot.claim_cover
    counts = snapshot.claims["seq"] == covers["seq"][at]
    pool = sums_by(np.where(counts, snapshot.claims["lendable_minor"], 0), at, len(covers["seq"]))
    ltv = loan_to_value(covers["exposure_minor"], pool)
    reached: Int = sum(((ltv >= limit).astype(np.int64) for limit in LIMITS), np.zeros(len(ltv), dtype=np.int64))
    return reached


def _compute(database: Database) -> None:
    """Reads every loan, pledge, value and last judgement, and judges; nothing is written."""
    with database.read() as connection:
        _, day = newest_commit(connection)
        policy = policy_in_force(connection, day)
        judged_loans(connection, None, read_pledges(connection, None), None, policy, day, NO_KEYS)


def _store(database: Database) -> None:
    """The same in a change of the book: judgements, claims and events are durable at the end."""
    with database.write("bench", "bench") as write:
        judge_loans(write, None, None, policy_in_force(write.connection, write.market_day), NO_KEYS)
        commit(write)


def _loop(url: str, loan_keys: list[int]) -> list[int]:
    """The level of each loan, one after the other."""
    with _asking(url) as ask:
        return [_level(ask, key) for key in loan_keys]


def _level(ask: Ask, loan_key: int) -> int:
    loan, pledges, assets, values = (ask(query, loan_key) for query in QUERIES)
    usable = {asset for asset, status, price, _ in assets if status == 1 and price is not None}
    lendable = dict(values)
    pool = sum(lendable[target] * share // PPM for asset, target, share in pledges if asset in usable)
    ltv = loan[0][0] / pool if pool else float("inf")
    return sum(ltv >= limit for limit in LIMITS)


@contextmanager
def _asking(url: str) -> Iterator[Ask]:
    """Runs a query for a loan on a bare connection of the driver."""
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        connection: Any = sqlite3.connect(str(parsed.database))
        marks = "?"
    else:
        connection = psycopg.connect(f"dbname={parsed.database} host={parsed.query['host']} user=postgres")
        marks = "%s"
    queries = {query: query.replace("?", marks) for query in QUERIES}
    cursor = connection.cursor()
    try:
        yield lambda query, key: cursor.execute(queries[query], (key,)).fetchall()
    finally:
        connection.close()
