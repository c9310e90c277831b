"""Measures the history of the book over 250 days on a running server, against a report for each day."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.type.date_pb2 import Date
from sqlalchemy import inspect, text

from benchmarks.book import ASSETS_PER_LOAN, gather_statistics
from benchmarks.measured import Measured, peak_mb_of
from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import history_pb2, report_pb2
from tests.support.server import Client, Server

T = TypeVar("T")

DAYS = 250
REPORTS = 10
"""Number of reports that stand for those of all days."""

LOANS_OF_A_PAGE = 100


def measure_history(url: str, assets: int) -> list[Measured]:
    """Judges every loan on each of DAYS further days, then measures histories."""
    _judge_daily(url)
    server = Server(url, business_date="").start()
    try:
        with grpc.insecure_channel(server.address, [("grpc.max_receive_message_length", -1)]) as channel:
            client = Client(channel)
            request = history_pb2.GetBookHistoryRequest(page_size=DAYS, view=history_pb2.BOOK_HISTORY_VIEW_LEVELS)
            levels, _ = _milliseconds(lambda: client.history.GetBookHistory(request))
            request.view = history_pb2.BOOK_HISTORY_VIEW_FULL
            cold, days = _milliseconds(lambda: client.history.GetBookHistory(request))
            kept, _ = _milliseconds(lambda: client.history.GetBookHistory(request))
            floor = sum(_report(client, day.market_date) for day in days.days[:REPORTS]) * DAYS / REPORTS
            loan = history_pb2.GetLoanHistoryRequest(name="loans/loan-1", page_size=DAYS)
            of_loan, _ = _milliseconds(lambda: client.history.GetLoanHistory(loan))
            count = min(assets // ASSETS_PER_LOAN, LOANS_OF_A_PAGE)
            names = [f"loans/loan-{number}" for number in range(1, count + 1)]
            batch = history_pb2.BatchGetLtvHistoriesRequest(names=names)
            ltvs, _ = _milliseconds(lambda: client.history.BatchGetLtvHistories(batch))
        peak = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    return [
        Measured(f"levels of the book, {DAYS} days, first request", levels, "ms", floor, peak),
        Measured(f"history of the book, {DAYS} days, first request", cold, "ms", floor, peak),
        Measured(f"history of the book, {DAYS} days, again", kept, "ms", floor, peak),
        Measured(f"history of a loan, {DAYS} days", of_loan, "ms", floor, peak),
        Measured(f"LTVs of {count} loans, 30 days", ltvs, "ms", floor, peak),
    ]


def _milliseconds(call: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    found = call()
    return (time.perf_counter() - start) * 1e3, found


def _report(client: Client, day: Date) -> float:
    request = report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(market_date=day))
    return _milliseconds(lambda: client.reports.GenerateLtvReport(request))[0]


def _judge_daily(url: str) -> None:
    """Copies the judgements and claims of the newest run to a commit on each of DAYS further days."""
    database = Database(url, wall_clock)
    with database.engine.begin() as connection:
        first = connection.execute(text("SELECT max(seq) FROM loan_judgement")).scalar_one()
        last = connection.execute(text("SELECT max(seq) FROM commit_log")).scalar_one()
        for table in ("commit_log", "loan_judgement", "pledge_claim"):
            one = first if table != "commit_log" else last
            names = [column["name"] for column in inspect(database.engine).get_columns(table)]
            changed = {
                "seq": ":last + :n",
                "market_day": "market_day + :n",
                "known_us": "known_us + :n",
                "of_run": "0",
                "level": "(level + :n) % 5",
            }
            chosen = ", ".join(changed.get(name, name) for name in names)
            copy = text(f"INSERT INTO {table} SELECT {chosen} FROM {table} WHERE seq = :one")
            for number in range(1, DAYS + 1):
                connection.execute(copy, {"n": number, "last": last, "one": one})
    gather_statistics(database)
    database.close()
