"""Starts and watches revaluation runs of the whole book."""

from __future__ import annotations

import uuid

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from collateral_registry.cli.common.client import EXIT_REFUSED, print_error, print_line
from collateral_registry.cli.common.formatting import enum_label, format_date, format_time
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.common.table_files import show_table
from collateral_registry.cli.common.tables import (
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    day,
    label,
    text,
    time,
)
from collateral_registry.v1 import revaluation_pb2, revaluation_pb2_grpc

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

RUNS = Table(
    "runs",
    (
        Column("run", Kind.COUNT),
        Column("market_date", Kind.DATE, "of"),
        Column("state", Kind.CODE),
        Column("start_time", Kind.TIME, "started", Importance.USUAL),
        Column("finish_time", Kind.TIME, "finished", Importance.DETAIL),
        Column("actor", Kind.TEXT, "by", Importance.LOW),
        Column("partition_count", Kind.COUNT, "partitions", Importance.LOW),
        Column("done_partition_count", Kind.COUNT, "done", Importance.LOW),
        Column("valued_count", Kind.COUNT, "valued"),
        Column("judged_count", Kind.COUNT, "judged"),
        Column("event_count", Kind.COUNT, "events", Importance.HIGH),
        Column("published_sequence", Kind.COUNT, "commit", Importance.LOW),
    ),
)


def revalue(channel: grpc.Channel, *, watch: bool, accept_models: bool) -> int:
    """Starts a run and returns the exit code; with ``watch``, shows the progress of the run until it is published.

    Returns EXIT_REFUSED if a newer run replaced this one. Ctrl-C ends only the display, not the run.
    """
    stub = revaluation_pb2_grpc.RevaluationServiceStub(channel)
    request = revaluation_pb2.StartRevaluationRequest(request_id=uuid.uuid4().hex, accept_models=accept_models)
    run = stub.StartRevaluation(request)
    if not watch:
        print_line(_line(run))
        return 0
    console = Console(stderr=True)
    with Progress(*COLUMNS, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("partitions", total=None)
        for answer in stub.WatchRevaluation(revaluation_pb2.WatchRevaluationRequest(name=run.name)):
            run = answer.revaluation
            _show(progress, task, run)
    print_line(_line(run))
    if run.state == revaluation_pb2.REVALUATION_STATE_ABANDONED:
        print_error(f"{run.name} was abandoned: a newer run replaced it")
        return EXIT_REFUSED
    return 0


def list_runs(channel: grpc.Channel, limit: int, layout: Layout) -> None:
    """Shows a table of runs, newest first."""
    stub = revaluation_pb2_grpc.RevaluationServiceStub(channel)
    request = revaluation_pb2.ListRevaluationsRequest()
    answer = fetch_all(stub.ListRevaluations, request, "revaluations", limit)
    show_table(RUNS, ListedRows(map(_row, answer.revaluations)), layout)


def _show(progress: Progress, task: TaskID, run: revaluation_pb2.Revaluation) -> None:
    total = run.partition_count or None
    counts = f"{run.valued_count:,} valued, {run.judged_count:,} judged"
    progress.update(task, total=total, completed=run.done_partition_count, description=counts)


def _line(run: revaluation_pb2.Revaluation) -> str:
    state = enum_label(revaluation_pb2.RevaluationState.Name(run.state), "REVALUATION_STATE_")
    return (
        f"{run.name} of {format_date(run.market_date)}, started {format_time(run.start_time)} by {run.actor}: {state}, "
        f"{run.done_partition_count} of {run.partition_count} partitions, {run.valued_count} valued, "
        f"{run.judged_count} judged, {run.event_count} events"
    )


def _row(run: revaluation_pb2.Revaluation) -> Row:
    return (
        int(run.name.removeprefix("revaluations/")),
        day(run.market_date),
        label(revaluation_pb2.RevaluationState.Name(run.state), "REVALUATION_STATE_"),
        time(run.start_time),
        time(run.finish_time),
        text(run.actor),
        run.partition_count,
        run.done_partition_count,
        run.valued_count,
        run.judged_count,
        run.event_count,
        run.published_sequence or None,
    )
