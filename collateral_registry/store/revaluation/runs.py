"""Revaluation runs and their partitions: what was started, what is stored, what is published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, delete, func, insert, select, update

from collateral_registry.domain.loans.agreements import LoanState, PledgeState
from collateral_registry.domain.prices.market_data import CurveNeed
from collateral_registry.domain.revaluation.runs import Partition, RunState, RunStep
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns
from collateral_registry.store.engine.database import Write
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow, PledgeClaimRow, PledgeRow
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.schema.revaluation import PENDING, RunEventRow, RunPartitionRow, RunRow
from collateral_registry.store.schema.valuations import ValuationRow
from valuation._typing import Int

NEEDS = TypeAdapter(tuple[CurveNeed, ...])


@dataclass(frozen=True)
class StoredRun:
    """A run with its progress; ``finished_us`` is when it was published or abandoned."""

    seq: int
    state: RunState
    market_day: int
    policy_key: int
    actor: str
    started_us: int
    published_seq: int | None
    finished_us: int | None
    partitions: int
    done: int
    valued: int
    judged: int
    events: int
    judged_again: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in {RunState.PUBLISHED, RunState.ABANDONED}


def insert_run(write: Write, policy_key: int) -> None:
    """Records that a run begins with this commit; one that is still under way is abandoned, for this one is newer."""
    write.connection.execute(
        update(RunRow)
        .where(RunRow.state.in_([int(RunState.STARTED), int(RunState.RUNNING)]))
        .values(state=int(RunState.ABANDONED), finished_us=write.known_us)
    )
    values = {
        "seq": write.seq,
        "state": int(RunState.STARTED),
        "market_day": write.market_day,
        "policy_key": policy_key,
        "actor": write.actor,
        "events": 0,
        "judged_again": 0,
    }
    write.connection.execute(insert(RunRow).values(**values))


def get_run(connection: Connection, seq: int) -> StoredRun:
    """One run; raises NotFound."""
    rows = _stored(connection, [RunRow.seq == seq], 1)
    if not rows:
        raise NotFound(f"revaluations/{seq}")
    return rows[0]


def list_runs(connection: Connection, before: int, limit: int) -> list[StoredRun]:
    """A page of runs that were started before a commit, newest first."""
    return _stored(connection, [RunRow.seq < before], limit)


def unfinished_run(connection: Connection) -> StoredRun | None:
    """The run that is under way; none when all are over."""
    rows = _stored(connection, [RunRow.state.in_([int(RunState.STARTED), int(RunState.RUNNING)])], 1)
    return rows[0] if rows else None


def insert_partitions(connection: Connection, seq: int, partitions: Sequence[Partition]) -> bool:
    """Records how a run is cut; false when that was done before, or the run is over."""
    planned = update(RunRow).where(RunRow.seq == seq, RunRow.state == int(RunState.STARTED))
    if not connection.execute(planned.values(state=int(RunState.RUNNING))).rowcount:
        return False
    rows = [
        {
            "seq": seq,
            "number": one.number,
            "step": int(one.step),
            "first_key": one.first_key,
            "last_key": one.last_key,
            "needs": NEEDS.dump_json(one.needs) if one.needs else None,
            "done": 0,
            "valued": 0,
            "judged": 0,
        }
        for one in partitions
    ]
    if rows:
        connection.execute(insert(RunPartitionRow), rows)
    return True


def pending_partitions(connection: Connection, seq: int) -> list[Partition]:
    """The partitions that are not stored yet, in order."""
    return _partitions(connection, [RunPartitionRow.seq == seq, RunPartitionRow.done == 0])


def get_partition(connection: Connection, seq: int, number: int) -> Partition:
    """One partition."""
    return _partitions(connection, [RunPartitionRow.seq == seq, RunPartitionRow.number == number])[0]


def is_wanted(source: Source, seq: int, number: int) -> bool:
    """Whether the results of a partition are still to be stored."""
    statement = (
        select(RunPartitionRow.done)
        .join(RunRow, RunRow.seq == RunPartitionRow.seq)
        .where(RunPartitionRow.seq == seq, RunPartitionRow.number == number)
        .where(RunPartitionRow.done == 0, RunRow.state == int(RunState.RUNNING))
    )
    return len(read_columns(source, statement)["done"]) > 0


def store_partition(
    source: Source, seq: int, number: int, values: Columns, covers: Columns, claims: Columns, events: Columns
) -> None:
    """Appends the results of a partition and marks it as done, in the transaction of the connection."""
    of_run = {"seq": seq, "of_run": 1}
    valued, judged = len(values["target_key"]), len(covers["loan_key"])
    insert_columns(source, ValuationRow, {**values, **of_run}, valued)
    insert_columns(source, LoanJudgementRow, {**covers, **of_run}, judged)
    insert_columns(source, PledgeClaimRow, {**claims, **of_run}, len(claims["pledge_key"]))
    raised = len(events["loan_key"])
    placed = {**events, "seq": seq, "number": number, "place": np.arange(raised, dtype=np.int64)}
    insert_columns(source, RunEventRow, placed, raised)
    mark_done(source, seq, number, valued, judged)


def mark_done(source: Source, seq: int, number: int, valued: int = 0, judged: int = 0) -> None:
    """Marks a partition as done, in the transaction that stores its results."""
    done = update(RunPartitionRow).where(RunPartitionRow.seq == seq, RunPartitionRow.number == number)
    source.execute(done.values(done=1, valued=valued, judged=judged))


def pending_events(connection: Connection, seq: int, number: int) -> Columns:
    """The events that a partition raises when the run is published, in order."""
    columns = [RunEventRow.__table__.c[name] for name in PENDING]
    statement = select(*columns).where(RunEventRow.seq == seq, RunEventRow.number == number)
    return read_columns(connection, statement.order_by(RunEventRow.place))


def partitions_with_events(connection: Connection, seq: int) -> list[int]:
    """Numbers of the partitions that raise events, in order."""
    statement = select(RunEventRow.number).where(RunEventRow.seq == seq).distinct().order_by(RunEventRow.number)
    return list(connection.execute(statement).scalars())


def set_published(write: Write, seq: int) -> bool:
    """Lets the rows of a run count from this commit on; false when it is over, or not all of it is stored."""
    missing = select(RunPartitionRow.number).where(RunPartitionRow.seq == seq, RunPartitionRow.done == 0)
    published = update(RunRow).where(RunRow.seq == seq, RunRow.state == int(RunState.RUNNING), ~missing.exists())
    values = {"state": int(RunState.PUBLISHED), "published_seq": write.seq, "finished_us": write.known_us}
    return bool(write.connection.execute(published.values(**values)).rowcount)


def set_outcome(write: Write, seq: int, events: int, judged_again: int) -> None:
    """Notes what the publication raised and drops the pending events that it replaced."""
    told = {"events": events, "judged_again": judged_again}
    write.connection.execute(update(RunRow).where(RunRow.seq == seq).values(**told))
    write.connection.execute(delete(RunEventRow).where(RunEventRow.seq == seq))


def loans_judged_since(connection: Connection, seq: int) -> Int:
    """Keys of the loans that changes of the book have judged since a commit, in order."""
    statement = (
        select(LoanJudgementRow.loan_key).where(LoanJudgementRow.seq > seq, LoanJudgementRow.of_run == 0).distinct()
    )
    keys: Int = np.sort(read_columns(connection, statement)["loan_key"])
    return keys


def pool_sizes(connection: Connection) -> Columns:
    """Every running loan with the number of its pledges, in order of keys: loan_key, pledges."""
    counted = select(PledgeRow.loan_key, func.count().label("pledges")).group_by(PledgeRow.loan_key).subquery()
    statement = (
        select(LoanRow.loan_key, func.coalesce(counted.c.pledges, 0).label("pledges"))
        .outerjoin(counted, counted.c.loan_key == LoanRow.loan_key)
        .where(LoanRow.state == int(LoanState.ACTIVE))
        .order_by(LoanRow.loan_key)
    )
    return read_columns(connection, statement)


def unpledged_blocks(connection: Connection, width: int) -> Columns:
    """How many assets that secure no loan lie in each block of keys, in order: block, assets."""
    block = (AssetRow.asset_key - AssetRow.asset_key % width).label("block")
    statement = select(block, func.count().label("assets")).where(_is_unpledged()).group_by(block).order_by(block)
    return read_columns(connection, statement)


def loans_between(source: Source, first: int, last: int) -> Int:
    """Keys of the running loans in a range, in order."""
    statement = select(LoanRow.loan_key).where(LoanRow.loan_key.between(first, last))
    statement = statement.where(LoanRow.state == int(LoanState.ACTIVE)).order_by(LoanRow.loan_key)
    keys: Int = read_columns(source, statement)["loan_key"]
    return keys


def unpledged_between(source: Source, first: int, last: int) -> Int:
    """Keys of the assets in a range that secure no loan, in order."""
    statement = select(AssetRow.asset_key).where(AssetRow.asset_key.between(first, last), _is_unpledged())
    keys: Int = read_columns(source, statement.order_by(AssetRow.asset_key))["asset_key"]
    return keys


def known_needs(connection: Connection) -> list[CurveNeed]:
    """Every haircut curve that was ever needed, each once, in a fixed order."""
    subject = (
        HaircutCurveRow.series_key,
        HaircutCurveRow.base_currency,
        HaircutCurveRow.currency,
        HaircutCurveRow.confidence_ppm,
    )
    return [CurveNeed(*row) for row in connection.execute(select(*subject).distinct().order_by(*subject))]


def _is_unpledged() -> ColumnElement[bool]:
    standing = (PledgeRow.asset_key == AssetRow.asset_key) & (PledgeRow.state == int(PledgeState.ACTIVE))
    return ~select(PledgeRow.pledge_key).where(standing).exists()


def _partitions(connection: Connection, where: list[ColumnElement[bool]]) -> list[Partition]:
    statement = select(RunPartitionRow.__table__).where(*where).order_by(RunPartitionRow.number)
    return [
        Partition(
            row.number,
            RunStep(row.step),
            row.first_key,
            row.last_key,
            NEEDS.validate_json(row.needs) if row.needs else (),
        )
        for row in connection.execute(statement)
    ]


def _stored(connection: Connection, where: list[ColumnElement[bool]], limit: int) -> list[StoredRun]:
    statement = (
        select(RunRow.__table__, CommitRow.known_us.label("started_us"), *_progress())
        .join(CommitRow, CommitRow.seq == RunRow.seq)
        .where(*where)
        .order_by(RunRow.seq.desc())
        .limit(limit)
    )
    return [StoredRun(**{**row, "state": RunState(row["state"])}) for row in connection.execute(statement).mappings()]


def _progress() -> list[ColumnElement[int]]:
    """Sums over the partitions of a run, as columns of its row."""

    def total(name: str, summand: ColumnElement[int] | int) -> ColumnElement[int]:
        summed: Select[Any] = select(cast(func.coalesce(func.sum(summand), 0), BigInteger))
        summed = summed.where(RunPartitionRow.seq == RunRow.seq)
        return summed.correlate(RunRow).scalar_subquery().label(name)

    columns = RunPartitionRow.__table__.c
    return [
        total("partitions", 1),
        total("done", columns.done),
        total("valued", columns.valued),
        total("judged", columns.judged),
    ]
