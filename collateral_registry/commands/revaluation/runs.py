"""Runs revaluations of the whole book, from start to publication.

started   A commit; the rows of the run carry its sequence.
planned   Loans, assets that secure no loan, and curves are divided into partitions.
computed  Each partition is stored in its own transaction, on any machine, in any order within its step.
published A commit that makes all rows of the run valid at once.

Changes continue during a run. Their valuations have a later sequence and therefore stay the newest. Loans that such a
change has judged are judged again on publication, by the newest values of all their assets.
"""

from __future__ import annotations

import numpy as np

from collateral_registry.commands.pipeline.event_columns import stamped
from collateral_registry.commands.pipeline.judge_loans import judge_loans
from collateral_registry.commands.pipeline.recompute import NO_KEYS, check_models, release_models
from collateral_registry.commands.revaluation.run_partition import PartitionJob, work_partition
from collateral_registry.domain.access.callers import SERVICE, Author
from collateral_registry.domain.revaluation.runs import (
    BLOCKS,
    ENTRIES_AN_ASSET,
    PARTITION_ASSETS,
    PARTITION_CURVES,
    Partition,
    RunStep,
    cut,
)
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.book.policies import policy_by_key, policy_in_force
from collateral_registry.store.engine.database import Connection, Database, Write
from collateral_registry.store.loans.events import insert_events
from collateral_registry.store.revaluation.runs import (
    StoredRun,
    entries_of_loans,
    entries_of_unpledged,
    get_run,
    insert_partitions,
    insert_run,
    known_needs,
    loans_judged_since,
    partitions_with_events,
    pending_events,
    pending_partitions,
    pool_sizes,
    set_outcome,
    set_published,
    unfinished_run,
    unpledged_blocks,
)
from valuation._typing import Int


def start_run(write: Write, *, accept_models: bool = False) -> None:
    """Starts a run with this commit, under the policy that is in force on the business date.

    Raises Refused if the models of this release differ from those of the book, unless they are accepted.
    """
    if not accept_models:
        check_models(write.connection)
    insert_run(write, policy_in_force(write.connection, write.market_day).key, release_models())


def run_in_progress(connection: Connection) -> StoredRun | None:
    """Returns the unfinished run; None if there is none, or if another release with other models has started it."""
    run = unfinished_run(connection)
    return run if run is not None and run.models == release_models() else None


def plan_run(database: Database, seq: int, partition_assets: int = PARTITION_ASSETS) -> None:
    """Divides a run into partitions of about ``partition_assets`` assets; does nothing if it is already planned."""
    with database.read() as connection:
        partitions = partitions_of(connection, partition_assets)
    with database.intake([f"revaluations/{seq}"]) as writing:
        insert_partitions(writing.connection, seq, partitions)
        writing.commit()


def publish_run(write: Write, seq: int) -> StoredRun:
    """Publishes a run with this commit.

    Raises the run's events. Loans that other changes have judged since the run began are judged again.
    """
    if set_published(write, seq):
        overtaken = loans_judged_since(write.connection, seq)
        events = sum(_raise(write, seq, number, overtaken) for number in partitions_with_events(write.connection, seq))
        policy = policy_by_key(write.connection, get_run(write.connection, seq).policy_key)
        judged, more = judge_loans(write, overtaken, None, policy, NO_KEYS) if len(overtaken) else (0, 0)
        set_outcome(write, seq, events + more, judged)
    return get_run(write.connection, seq)


def pending_jobs(database: Database, seq: int) -> list[PartitionJob]:
    """Returns the partitions of a run that are to be computed, in the order of their steps; none if the run is over."""
    with database.read() as connection:
        run = get_run(connection, seq)
        if run.is_over:
            return []
        policy = policy_by_key(connection, run.policy_key)
        pending = pending_partitions(connection, seq)
    return [PartitionJob(seq, run.market_day, policy, partition) for partition in pending]


def run_book(database: Database, author: Author, partition_assets: int = PARTITION_ASSETS) -> StoredRun:
    """Revalues the whole book in this process."""
    with database.write("StartRevaluation", author) as write:
        start_run(write)
        write.commit()
    return finish_run(database, partition_assets)


def finish_run(database: Database, partition_assets: int = PARTITION_ASSETS) -> StoredRun:
    """Completes the unfinished run in this process; raises Refused if there is none."""
    with database.read() as connection:
        run = run_in_progress(connection)
    if run is None:
        raise Refused("NO_REVALUATION", "no revaluation is under way: start one by StartRevaluation")
    plan_run(database, run.seq, partition_assets)
    for job in pending_jobs(database, run.seq):
        work_partition(database, job)
    with database.write("PublishRevaluation", SERVICE) as write:
        published = publish_run(write, run.seq)
        write.commit()
    return published


def partitions_of(connection: Connection, assets: int) -> list[Partition]:
    """Returns the partitions of a run in the order of their steps."""
    needs = known_needs(connection)
    curve_parts = [tuple(needs[start : start + PARTITION_CURVES]) for start in range(0, len(needs), PARTITION_CURVES)]
    curves = [(RunStep.CURVES, 0, 0, part) for part in curve_parts]
    loans = [(RunStep.LOANS, *ends, ()) for ends in cut(*_sizes_of_loans(connection), assets)]
    width = max(1, assets // BLOCKS)
    ranges = cut(*_sizes_of_unpledged(connection, width), assets)
    rest = [(RunStep.UNPLEDGED, first, last + width - 1, ()) for first, last in ranges]
    return [Partition(number, *fields) for number, fields in enumerate([*curves, *loans, *rest])]


def _sizes_of_loans(connection: Connection) -> tuple[Int, Int]:
    """Returns the keys of the active loans, and their sizes in assets."""
    pools, ledgers = pool_sizes(connection), entries_of_loans(connection)
    size = pools["pledges"] + 1
    has_ledger = np.isin(ledgers["loan_key"], pools["loan_key"])
    rows = np.searchsorted(pools["loan_key"], ledgers["loan_key"][has_ledger])
    size[rows] += ledgers["entries"][has_ledger] // ENTRIES_AN_ASSET
    return pools["loan_key"], size


def _sizes_of_unpledged(connection: Connection, width: int) -> tuple[Int, Int]:
    """Returns the first keys of blocks of ``width`` keys with assets that have no active pledge, and their sizes."""
    blocks, ledgers = unpledged_blocks(connection, width), entries_of_unpledged(connection)
    size = blocks["assets"].copy()
    rows = np.searchsorted(blocks["block"], ledgers["asset_key"] - ledgers["asset_key"] % width)
    np.add.at(size, rows, ledgers["entries"] // ENTRIES_AN_ASSET)
    return blocks["block"], size


def _raise(write: Write, seq: int, number: int, overtaken: np.typing.NDArray[np.int64]) -> int:
    """Records the events of a partition, except for loans that changes have judged since; returns their number."""
    events = pending_events(write.connection, seq, number)
    stays = ~np.isin(events["loan_key"], overtaken)
    return insert_events(write, stamped({name: column[stays] for name, column in events.items()}, write))
