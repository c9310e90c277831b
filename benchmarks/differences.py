"""Measures the difference report of a running server after prices that value every loan again.

The floor is two LTV reports of past moments, from whose judgements a difference starts.
"""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal

import grpc

from benchmarks.book import ASSETS_PER_LOAN, FIRST, SERIES
from benchmarks.measured import Measured, peak_mb_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.admission import Quote
from collateral_registry.commands.prices.ingest import ingest_prices
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import difference_pb2, report_pb2
from tests.support.server import Client, Server

AUTHOR = Author("bench", "bench")
DAYS = 30
PRICE = Decimal(985)
"""New price of every series, whose last price is 1,000."""


def measure_differences(url: str, assets: int) -> list[Measured]:
    """Measures the first page of the differences of DAYS days, its next page, and that of one loan."""
    before = _with_new_prices(url)
    server = Server(url, business_date="").start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            client = Client(channel)
            floor = sum(_report(client, seq) for seq in (before, before - 1))
            first, page = _differences(client, before)
            again, _ = _differences(client, before, page_token=page.next_page_token)
            one, _ = _differences(client, before, filter="loan = loan-1")
        peak = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    changed = f"{page.row_count} of {assets // ASSETS_PER_LOAN} loans"
    return [
        Measured(f"differences of {DAYS} days, {changed}", first, "ms", floor, peak),
        Measured("differences, next page", again, "ms", floor, peak),
        Measured("differences of one loan", one, "ms", floor, peak),
    ]


def _with_new_prices(url: str) -> int:
    """Values the book on a later day at new prices of all series; returns the commit before."""
    database = Database(url, wall_clock)
    with database.read() as connection:
        before, _ = newest_commit(connection)
    day = FIRST + timedelta(days=DAYS)
    with database.write("bench", AUTHOR) as write:
        advance(write, day_of(day))
        commit(write)
    with database.write("bench", AUTHOR) as write:
        ingest_prices(write, [Quote(0, f"series-{number}", day, PRICE) for number in range(SERIES)])
        commit(write)
    run_book(database, AUTHOR)
    database.close()
    return before


def _report(client: Client, seq: int) -> float:
    start = time.perf_counter()
    client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(sequence=seq)))
    return (time.perf_counter() - start) * 1e3


def _differences(
    client: Client, before: int, **fields: str
) -> tuple[float, difference_pb2.GenerateDifferenceReportResponse]:
    request = difference_pb2.GenerateDifferenceReportRequest(before=report_pb2.AsOf(sequence=before), **fields)
    start = time.perf_counter()
    answer = client.differences.GenerateDifferenceReport(request)
    return (time.perf_counter() - start) * 1e3, answer
