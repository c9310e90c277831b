"""Revaluation runs produce the same book in any partitioning, in any process, and with changes meanwhile."""

import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import inspect, select

from collateral_registry.commands.assets import register
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.loans import lending
from collateral_registry.commands.loans.lending import BalancePush
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.commands.revaluation.run_partition import work_partition
from collateral_registry.commands.revaluation.runs import pending_jobs, plan_run, publish_run, run_book, start_run
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.filters.expressions import EVERYTHING
from collateral_registry.domain.loans.agreements import Balance
from collateral_registry.domain.revaluation.runs import RunState, RunStep, cut
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.money import Money
from collateral_registry.runtime.revaluation import worker_process
from collateral_registry.runtime.revaluation.local_workers import LocalWorkers
from collateral_registry.store.engine.bulk import read_columns
from collateral_registry.store.engine.database import Database
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.revaluation.runs import get_run, list_runs, unfinished_run
from collateral_registry.store.schema.loans import EventRow, LoanJudgementRow, PledgeClaimRow
from collateral_registry.store.schema.valuations import ValuationRow
from collateral_registry.store.valuations.repository import list_valuations, newest_values
from tests.support.books import FIRST, LOT, do

NEWEST = 2**62


@pytest.fixture
def book(filled_book):
    return filled_book


def start(book) -> int:
    """Starts a run and divides it into as many partitions as there are loans."""
    with book.write("StartRevaluation", Author("test", "test")) as write:
        start_run(write)
        commit(write)
    plan_run(book, write.seq, partition_assets=1)
    return write.seq


def publish(book, seq):
    with book.write("PublishRevaluation", Author("test", "test")) as write:
        run = publish_run(write, seq)
        commit(write)
    return run


def rows_of(book, seq):
    """Returns the rows a run has stored, by table."""
    with book.read() as connection:
        return [
            read_columns(
                connection, select(*table.__table__.c).where(table.seq == seq).order_by(*table.__table__.primary_key)
            )
            for table in (ValuationRow, LoanJudgementRow, PledgeClaimRow)
        ]


def same_but_for_the_sequence(one, other):
    for mine, theirs in zip(one, other, strict=True):
        for name in set(mine) - {"seq", "good_seq", "of_run"}:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_a_run_is_the_same_in_any_partitioning(book):
    whole = run_book(book, Author("test", "test"), partition_assets=1_000)
    parts = run_book(book, Author("test", "test"), partition_assets=1)

    assert parts.partitions > whole.partitions
    assert len(rows_of(book, whole.seq)[0]["target_key"]) == whole.valued > 3
    same_but_for_the_sequence(rows_of(book, whole.seq), rows_of(book, parts.seq))


@pytest.mark.long
@pytest.mark.slow
def test_a_run_is_the_same_in_worker_processes_and_in_any_order(book):
    unpledged = replace(LOT, asset_id="unpledged", detail=replace(LOT.detail, lot="L-unpledged"))
    do(book, lambda write: register.register(write, unpledged))
    here = run_book(book, Author("test", "test"), partition_assets=1)
    seq = start(book)
    jobs = pending_jobs(book, seq)
    workers = LocalWorkers(book.url, 2)
    stored = sorted(workers.work(list(reversed(jobs))))
    workers.close()
    there = publish(book, seq)

    assert {order.partition.step for order in jobs} >= {RunStep.LOANS, RunStep.UNPLEDGED}
    assert stored == [order.partition.number for order in jobs]
    assert there.state == RunState.PUBLISHED
    same_but_for_the_sequence(rows_of(book, here.seq), rows_of(book, there.seq))


def test_a_run_is_the_same_in_a_worker_without_the_extra_for_bulk_transfer(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "adbc_driver_sqlite", None)
    opened = worker_process.transport_of.__wrapped__(book.url, 0)
    monkeypatch.setattr(worker_process, "transport_of", lambda _url, _thread: opened)
    here = run_book(book, Author("test", "test"), partition_assets=1)
    seq = start(book)
    for order in pending_jobs(book, seq):
        worker_process.work(SecretStr(book.url), order)
    there = publish(book, seq)
    opened.close()

    assert isinstance(opened, Database)
    same_but_for_the_sequence(rows_of(book, here.seq), rows_of(book, there.seq))


def test_no_row_of_a_run_is_valid_before_publication(book):
    do(book, lambda write: advance(write, day_of(FIRST) + 60))
    with book.read() as connection:
        seq = unfinished_run(connection).seq
        before = newest_values(connection, np.array([1, 2], dtype=np.int64))
        listed = len(list_valuations(connection, "lot-1", EVERYTHING, (NEWEST, ""), 100))
    plan_run(book, seq)
    for order in pending_jobs(book, seq):
        work_partition(book, order)
    with book.read() as connection:
        unpublished = newest_values(connection, np.array([1, 2], dtype=np.int64))
        assert len(list_valuations(connection, "lot-1", EVERYTHING, (NEWEST, ""), 100)) == listed
    publish(book, seq)
    with book.read() as connection:
        published = newest_values(connection, np.array([1, 2], dtype=np.int64))
        assert len(list_valuations(connection, "lot-1", EVERYTHING, (NEWEST, ""), 100)) == listed + 2

    np.testing.assert_equal(unpublished, before)
    assert published["unknown"].tolist() != before["unknown"].tolist(), "after 60 days the price of copper is stale"


def test_a_run_with_a_missing_partition_is_not_published(book):
    seq = start(book)
    jobs = pending_jobs(book, seq)
    for order in jobs[:-1]:
        work_partition(book, order)

    assert publish(book, seq).state == RunState.RUNNING
    work_partition(book, jobs[-1])
    assert publish(book, seq).state == RunState.PUBLISHED


def test_a_partition_computed_twice_is_stored_once(book):
    seq = start(book)
    for order in pending_jobs(book, seq):
        work_partition(book, order)
        work_partition(book, order)
    run = publish(book, seq)

    assert len(rows_of(book, seq)[0]["target_key"]) == run.valued
    assert pending_jobs(book, seq) == []


def test_a_newer_run_replaces_an_unfinished_one(book):
    first, second = start(book), start(book)
    for order in pending_jobs(book, second):
        work_partition(book, order)
    run = publish(book, second)
    with book.read() as connection:
        states = [one.state for one in list_runs(connection, EVERYTHING, NEWEST, 2)]

    assert run.state == RunState.PUBLISHED
    assert states == [RunState.PUBLISHED, RunState.ABANDONED]
    assert pending_jobs(book, first) == []


def test_a_judgement_made_during_a_run_stays_newest_and_is_repeated_on_publication(book):
    seq = start(book)
    jobs = pending_jobs(book, seq)
    for order in jobs[: len(jobs) // 2]:
        work_partition(book, order)
    day = FIRST + timedelta(days=28)
    do(book, lambda write: ingest_prices(write, [Quote(0, "copper", day, Decimal(7_400))]))
    owed = Balance(Money(30_000_000, "EUR"), Money(0, "EUR"), Money(0, "EUR"), day)
    do(book, lambda write: lending.ingest_balances(write, [BalancePush(0, "loan-1", owed)], ()))
    for order in jobs[len(jobs) // 2 :]:
        work_partition(book, order)
    run = publish(book, seq)
    again = run_book(book, Author("test", "test"))
    keys = np.array([1, 2], dtype=np.int64)
    with book.read() as connection:
        after = newest_judgements(connection, keys)
        published = read_columns(
            connection,
            select(*inspect(LoanJudgementRow).columns).where(LoanJudgementRow.seq == run.published_seq),
        )

    assert run.judged_again == 2
    assert again.events == 0, "a run over an unchanged book finds nothing new"
    same = set(after) - {"seq", "of_run"}
    for name in same:
        np.testing.assert_array_equal(np.sort(after[name]), np.sort(published[name]), err_msg=name)


def test_a_registration_during_a_run_keeps_its_value(book):
    seq = start(book)
    late = replace(LOT, asset_id="lot-2", detail=replace(LOT.detail, lot="L-2"))
    do(book, lambda write: register.register(write, late))
    for order in pending_jobs(book, seq):
        work_partition(book, order)
    publish(book, seq)
    with book.read() as connection:
        rows = list_valuations(connection, "lot-2", EVERYTHING, (NEWEST, ""), 10)

    assert rows[0]["seq"] > seq
    assert rows[0]["market_minor"] > 0


def test_events_of_a_run_are_raised_once_on_publication_in_order_of_loans(book):
    do(book, lambda write: advance(write, day_of(FIRST) + 90))
    with book.read() as connection:
        seq = unfinished_run(connection).seq
    plan_run(book, seq, partition_assets=1)
    for order in reversed(pending_jobs(book, seq)):
        work_partition(book, order)
    run = publish(book, seq)
    publish(book, seq)
    with book.read() as connection:
        events = read_columns(
            connection, select(EventRow.loan_key, EventRow.event_seq).where(EventRow.seq == run.published_seq)
        )
        newest = get_run(connection, seq)

    assert len(events["loan_key"]) == run.events == newest.events > 0
    assert events["loan_key"].tolist() == sorted(events["loan_key"].tolist())


def test_keys_are_divided_where_their_weights_fill_a_partition():
    keys = np.array([1, 2, 5, 9], dtype=np.int64)

    assert cut(keys, np.array([3, 3, 3, 3], dtype=np.int64), 6) == [(1, 2), (5, 9)]
    assert cut(keys, np.array([100, 1, 1, 1], dtype=np.int64), 6) == [(1, 1), (2, 5), (9, 9)]
    assert cut(keys[:0], keys[:0], 6) == []
