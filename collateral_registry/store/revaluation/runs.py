"""Stores revaluation runs with their partitions and results, and the events that are raised when a run is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlmodel import SQLModel

from collateral_registry.domain.audit.entries import facts_as_text
from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import Day, Number, Text, Time, enum
from collateral_registry.domain.loans.agreements import LoanState, PledgeState
from collateral_registry.domain.prices.market_data import CurveNeed
from collateral_registry.domain.revaluation.runs import Partition, RunState, RunStep
from collateral_registry.store.audit.collector import digest_of
from collateral_registry.store.audit.fact_sets import SET_NAMED
from collateral_registry.store.engine.bulk import Columns, Source, insert_columns, read_columns, read_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable
from collateral_registry.store.engine.rows import columns_of, existing, from_row, values_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.book import CommitRow
from collateral_registry.store.schema.loans import LoanJudgementRow, LoanRow, PledgeClaimRow, PledgeRow
from collateral_registry.store.schema.prices import HaircutCurveRow
from collateral_registry.store.schema.receivables import InvoicePoolRow
from collateral_registry.store.schema.revaluation import PENDING, RunEventRow, RunPartitionRow, RunRow
from collateral_registry.store.schema.valuations import PoolStatementRow, ValuationRow
from valuation._typing import Int

NEEDS = TypeAdapter(tuple[CurveNeed, ...])

_IS_UNFINISHED = RunRow.state.in_([int(RunState.STARTED), int(RunState.RUNNING)])


@dataclass(frozen=True)
class StoredRun:
    """A run with its progress; ``finished_us`` is the time at which it was published or abandoned."""

    seq: int
    state: RunState
    market_day: int
    policy_key: int
    models: str
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
        """Whether the run is published or abandoned."""
        return self.state in {RunState.PUBLISHED, RunState.ABANDONED}


def newest_models(connection: Connection) -> str | None:
    """Returns the models of the newest run, which may still be in progress; None before the first run."""
    found = connection.execute(_NEWEST_MODELS).scalar()
    return None if found is None else str(found)


_NEWEST_MODELS = select(RunRow.__table__.c.models).order_by(RunRow.__table__.c.seq.desc()).limit(1)


def insert_run(write: Write, policy_key: int, models: str) -> None:
    """Stores a run that starts with the current commit; abandons an older run that is still in progress."""
    abandoned = {"state": int(RunState.ABANDONED), "finished_us": write.known_us}
    write.connection.execute(update(RunRow).where(_IS_UNFINISHED).values(**abandoned))
    values = {**values_of(write, "seq", "market_day", "actor"), "policy_key": policy_key, "models": models}
    values |= {"state": int(RunState.STARTED), "events": 0, "judged_again": 0}
    write.connection.execute(insert(RunRow), values)


def get_run(connection: Connection, seq: int) -> StoredRun:
    """Returns one run; raises NotFound."""
    return existing(_stored(connection, _RUN, {"of_run": seq}), f"revaluations/{seq}")


RUN_FILTER = FilterTable(
    state=FilterField(enum(RunState, "REVALUATION_STATE_"), RunRow.state),
    market_date=FilterField(Day(), RunRow.market_day),
    actor=FilterField(Text(), RunRow.actor),
    start_time=FilterField(Time(), CommitRow.known_us),
    finish_time=nullable(Time(), RunRow.finished_us),
    event_count=FilterField(Number(), RunRow.events),
)
"""Fields by which runs can be filtered."""


def list_runs(connection: Connection, wanted: Expression, before: int, limit: int) -> list[StoredRun]:
    """Returns a page of the runs started before a commit, newest first."""
    rows = connection.execute(_RUNS_BEFORE.where(RUN_FILTER.where(wanted)), {"before": before, "most": limit})
    return [_run(row) for row in rows.mappings()]


def unfinished_run(connection: Connection) -> StoredRun | None:
    """Returns the run in progress; None if there is none."""
    rows = _stored(connection, _UNFINISHED_RUN)
    return rows[0] if rows else None


def insert_partitions(connection: Connection, seq: int, partitions: Sequence[Partition]) -> bool:
    """Stores the partitions of a run; returns False if they are already stored or the run is over."""
    planned = update(RunRow).where(RunRow.seq == seq, RunRow.state == int(RunState.STARTED))
    if not connection.execute(planned.values(state=int(RunState.RUNNING))).rowcount:
        return False
    start = {"seq": seq, "done": 0, "valued": 0, "judged": 0}
    rows = [
        {
            **start,
            **values_of(one, "number", "step", "first_key", "last_key"),
            "needs": NEEDS.dump_json(one.needs) if one.needs else None,
        }
        for one in partitions
    ]
    if rows:
        connection.execute(insert(RunPartitionRow), rows)
    return True


def pending_partitions(connection: Connection, seq: int) -> list[Partition]:
    """Returns, in order, the partitions whose results are not stored yet."""
    statement = select(RunPartitionRow.__table__).where(RunPartitionRow.seq == seq, RunPartitionRow.done == 0)
    return [
        from_row(Partition, row, step=RunStep(row.step), needs=NEEDS.validate_json(row.needs) if row.needs else ())
        for row in connection.execute(statement.order_by(RunPartitionRow.number))
    ]


def is_wanted(source: Source, seq: int, number: int) -> bool:
    """Returns whether the results of a partition are still missing and its run is in progress."""
    return len(read_keys(source, _WANTED, {"of_run": seq, "of_number": number})) > 0


_WANTED = (
    select(RunPartitionRow.done)
    .join(RunRow, RunRow.seq == RunPartitionRow.seq)
    .where(RunPartitionRow.seq == bindparam("of_run"), RunPartitionRow.number == bindparam("of_number"))
    .where(RunPartitionRow.done == 0, RunRow.state == int(RunState.RUNNING))
)


@dataclass(frozen=True)
class PartitionResults:
    """What a partition has valued and judged, the statements of its pools, and the events that it raises."""

    values: Columns
    statements: Columns
    covers: Columns
    claims: Columns
    events: Columns


def of_run(number: int) -> int:
    """Returns the mark of the rows of a partition; rows of changes have the mark 0."""
    return number + 1


def store_partition(source: Source, seq: int, number: int, curves: Columns, results: PartitionResults | None) -> None:
    """Appends the results of a partition and marks it as done, in the connection's transaction.

    ``curves`` are the rows that it has stored; a partition that only estimates curves has no results.
    """
    stored: list[tuple[type[SQLModel], Columns, str]] = [(HaircutCurveRow, curves, "estimate_key")]
    if results is not None:
        written = [
            (ValuationRow, results.values, "target_key"),
            (PoolStatementRow, results.statements, "asset_key"),
            (LoanJudgementRow, results.covers, "loan_key"),
            (PledgeClaimRow, results.claims, "pledge_key"),
        ]
        mark = {"seq": seq, "of_run": of_run(number)}
        for table, columns, key in written:
            insert_columns(source, table, {**columns, **mark}, len(columns[key]))
            stored.append((table, {**columns, **mark}, key))
        _store_events(source, seq, number, results.events)
    digests = [
        digest_of(SET_NAMED[str(table.__tablename__)], columns, len(columns[key]))
        for table, columns, key in stored
        if len(columns.get(key, ()))
    ]
    values = {
        "done": 1,
        "valued": 0 if results is None else len(results.values["target_key"]),
        "judged": 0 if results is None else len(results.covers["loan_key"]),
        "facts": facts_as_text(digests),
    }
    done = update(RunPartitionRow).where(RunPartitionRow.seq == seq, RunPartitionRow.number == number)
    source.execute(done.values(**values))


def _store_events(source: Source, seq: int, number: int, events: Columns) -> None:
    raised = len(events["loan_key"])
    placed = {**events, "seq": seq, "number": number, "place": np.arange(raised, dtype=np.int64)}
    insert_columns(source, RunEventRow, placed, raised)


def pending_events(connection: Connection, seq: int, number: int) -> Columns:
    """Returns, in order, the events that a partition raises when the run is published."""
    columns = [RunEventRow.__table__.c[name] for name in PENDING]
    statement = select(*columns).where(RunEventRow.seq == seq, RunEventRow.number == number)
    return read_columns(connection, statement.order_by(RunEventRow.place))


def partitions_with_events(connection: Connection, seq: int) -> list[int]:
    """Returns the sorted numbers of the partitions that raise events."""
    statement = select(RunEventRow.number).where(RunEventRow.seq == seq).distinct().order_by(RunEventRow.number)
    return list(connection.execute(statement).scalars())


def set_published(write: Write, seq: int) -> bool:
    """Publishes a run with the current commit; returns False if the run is over or a partition is missing."""
    missing = select(RunPartitionRow.number).where(RunPartitionRow.seq == seq, RunPartitionRow.done == 0)
    published = update(RunRow).where(RunRow.seq == seq, RunRow.state == int(RunState.RUNNING), ~missing.exists())
    values = {"state": int(RunState.PUBLISHED), "published_seq": write.seq, "finished_us": write.known_us}
    if not write.connection.execute(published.values(**values)).rowcount:
        return False
    partitions = update(RunPartitionRow).where(RunPartitionRow.seq == seq)
    write.connection.execute(partitions.values(published_seq=write.seq))
    return True


def set_outcome(write: Write, seq: int, events: int, judged_again: int) -> None:
    """Stores how many events a published run raised and how many loans it judged again; deletes its pending events."""
    outcome = {"events": events, "judged_again": judged_again}
    write.connection.execute(update(RunRow).where(RunRow.seq == seq).values(**outcome))
    write.connection.execute(delete(RunEventRow).where(RunEventRow.seq == seq))


def loans_judged_since(connection: Connection, seq: int) -> Int:
    """Returns the sorted keys of the loans that were judged by changes, not by runs, after a commit."""
    return np.sort(read_keys(connection, _JUDGED_SINCE, {"after": seq}))


_JUDGED_SINCE = (
    select(LoanJudgementRow.loan_key)
    # The sum keeps SQLite from scanning the partial index of these judgements, which is not ordered by commit.
    .where(LoanJudgementRow.seq > bindparam("after"), LoanJudgementRow.of_run + 0 == 0)
    .distinct()
)


def pool_sizes(connection: Connection) -> Columns:
    """Returns the keys of the active loans in order, with the number of pledges of each (column ``pledges``)."""
    return read_columns(connection, _POOL_SIZES)


_PLEDGES = select(PledgeRow.loan_key, func.count().label("pledges")).group_by(PledgeRow.loan_key).subquery()
_POOL_SIZES = (
    select(LoanRow.loan_key, func.coalesce(_PLEDGES.c.pledges, 0).label("pledges"))
    .outerjoin(_PLEDGES, _PLEDGES.c.loan_key == LoanRow.loan_key)
    .where(LoanRow.state == int(LoanState.ACTIVE))
    .order_by(LoanRow.loan_key)
)


def entries_of_loans(connection: Connection) -> Columns:
    """Returns the keys of the loans that pools secure, and the ledger entries of these pools (column ``entries``)."""
    return read_columns(connection, _ENTRIES_OF_LOANS)


_LEDGERS = InvoicePoolRow.__table__.join(AssetRow.__table__, AssetRow.asset_id == InvoicePoolRow.pool_id)
_ENTRIES_OF_LOANS = (
    select(PledgeRow.loan_key, cast(func.sum(InvoicePoolRow.entry_number), BigInteger).label("entries"))
    .select_from(_LEDGERS.join(PledgeRow.__table__, PledgeRow.asset_key == AssetRow.asset_key))
    .group_by(PledgeRow.loan_key)
)


def entries_of_unpledged(connection: Connection) -> Columns:
    """Returns the keys of the pools without an active pledge, and their ledger entries (column ``entries``)."""
    entries = InvoicePoolRow.__table__.c.entry_number.label("entries")
    return read_columns(connection, select(AssetRow.asset_key, entries).select_from(_LEDGERS).where(_is_unpledged()))


def unpledged_blocks(connection: Connection, width: int) -> Columns:
    """Returns, for each block of ``width`` keys in order, how many assets (column ``assets``) have no active pledge."""
    block = (AssetRow.asset_key - AssetRow.asset_key % width).label("block")
    statement = select(block, func.count().label("assets")).where(_is_unpledged()).group_by(block).order_by(block)
    return read_columns(connection, statement)


def loans_between(source: Source, first: int, last: int) -> Int:
    """Returns the sorted keys of the active loans in a range of keys."""
    statement = select(LoanRow.loan_key).where(LoanRow.loan_key.between(first, last))
    return read_keys(source, statement.where(LoanRow.state == int(LoanState.ACTIVE)).order_by(LoanRow.loan_key))


def unpledged_between(source: Source, first: int, last: int) -> Int:
    """Returns the sorted keys of the assets without an active pledge in a range of keys."""
    statement = select(AssetRow.asset_key).where(AssetRow.asset_key.between(first, last), _is_unpledged())
    return read_keys(source, statement.order_by(AssetRow.asset_key))


def known_needs(connection: Connection) -> list[CurveNeed]:
    """Returns every need for which a haircut curve has ever been estimated, in a fixed order."""
    subject = columns_of(HaircutCurveRow, *(field.name for field in fields(CurveNeed)))
    return [CurveNeed(*row) for row in connection.execute(select(*subject).distinct().order_by(*subject))]


def _is_unpledged() -> ColumnElement[bool]:
    active = (PledgeRow.asset_key == AssetRow.asset_key) & (PledgeRow.state == int(PledgeState.ACTIVE))
    return ~select(PledgeRow.pledge_key).where(active).exists()


def _stored(connection: Connection, statement: Select[Any], named: Mapping[str, Any] | None = None) -> list[StoredRun]:
    return [_run(row) for row in connection.execute(statement, named).mappings()]


def _run(row: RowMapping) -> StoredRun:
    return StoredRun(**{**row, "state": RunState(row["state"])})


def _progress() -> list[ColumnElement[int]]:
    """Returns sums over the partitions of a run as scalar subqueries."""

    def total(name: str, summand: ColumnElement[int] | int) -> ColumnElement[int]:
        summed: Select[Any] = select(cast(func.coalesce(func.sum(summand), 0), BigInteger))
        summed = summed.where(RunPartitionRow.seq == RunRow.seq)
        return summed.correlate(RunRow).scalar_subquery().label(name)

    columns = RunPartitionRow.__table__.c
    return [total("partitions", 1), *(total(name, columns[name]) for name in ("done", "valued", "judged"))]


_RUNS = (
    select(RunRow.__table__, CommitRow.known_us.label("started_us"), *_progress())
    .join(CommitRow, CommitRow.seq == RunRow.seq)
    .order_by(RunRow.seq.desc())
)
_RUN = _RUNS.where(RunRow.seq == bindparam("of_run"))
_RUNS_BEFORE = _RUNS.where(RunRow.seq < bindparam("before")).limit(bindparam("most", type_=BigInteger))
_UNFINISHED_RUN = _RUNS.where(_IS_UNFINISHED).limit(1)
