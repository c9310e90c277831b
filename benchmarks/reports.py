"""Measures the LTV report of a running server: milliseconds of the first page, rows a second of the Arrow stream.

The floor of the stream is measured in the same run: ADBC reads the same columns in the same order and pyarrow writes
them as an IPC stream, in one process and without a network.
"""

from __future__ import annotations

import time

import grpc
import numpy as np
import pyarrow as pa

from benchmarks.adbc import connect
from benchmarks.book import ASSETS_PER_LOAN, FIRST
from benchmarks.measured import Measured, peak_mb_of
from collateral_registry.v1 import loan_pb2, report_pb2
from tests.support.server import Client, Server, calendar, money

PAGES = 200
COMMITS = 60
CHANGED_LOANS = 100
STREAMS = 5
PAUSE_SECONDS = 0.25
PAGE_LIMIT_MILLISECONDS = 50.0

FLOOR = """
SELECT l.loan_id, l.borrower, l.currency, c.market_day, c.level, c.coverage_unknown, c.basis, c.exposure_minor,
  c.market_minor, c.lendable_minor, c.good_market_minor, c.good_lendable_minor, c.cash_cure_minor,
  c.collateral_cure_minor, c.unknown_assets, c.unknown, c.quality, c.oldest_day, c.breach_number, c.deadline_day, c.seq
FROM loan_judgement c JOIN loan l ON l.loan_key = c.loan_key
JOIN (SELECT loan_key, max(seq) AS seq FROM loan_judgement GROUP BY loan_key) n
  ON n.loan_key = c.loan_key AND n.seq = c.seq
ORDER BY c.exposure_minor * 1.0 / c.lendable_minor DESC, l.loan_id
"""


def measure_reports(url: str, assets: int) -> list[Measured]:
    """Measures first pages on an idle server and after commits, and the stream of all rows."""
    server = Server(url).start()
    try:
        with grpc.insecure_channel(server.address) as channel:
            client = Client(channel)
            cold, rest, busy = _page(client), _at_rest(client), _after_commits(client)
            rows = max(_streamed(client) for _ in range(STREAMS))
        peak = peak_mb_of(server.process.pid)
    finally:
        server.stop()
    loans = assets // ASSETS_PER_LOAN
    floor = max(loans / _floor(url) for _ in range(STREAMS))
    limit = PAGE_LIMIT_MILLISECONDS
    return [
        Measured(f"first page of {loans} loans, first asked after a start", cold, "ms", limit, peak),
        Measured(f"first page of {loans} loans, p50", float(np.percentile(rest, 50)), "ms", limit, peak),
        Measured(f"first page of {loans} loans, p99", float(np.percentile(rest, 99)), "ms", limit, peak),
        Measured("first page while loans are judged, p50", float(np.percentile(busy, 50)), "ms", limit, peak),
        Measured("first page while loans are judged, p99", float(np.percentile(busy, 99)), "ms", limit, peak),
        Measured("all rows as Arrow over gRPC", rows, "rows/s", floor, peak),
    ]


def _page(client: Client) -> float:
    """Returns the milliseconds of the first page."""
    start = time.perf_counter()
    client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())
    return (time.perf_counter() - start) * 1e3


def _at_rest(client: Client) -> list[float]:
    return [_page(client) for _ in range(PAGES)]


def _after_commits(client: Client) -> list[float]:
    """Returns the milliseconds of first pages PAUSE_SECONDS after new balances of CHANGED_LOANS loans."""
    found = []
    day = calendar(FIRST)
    for number in range(COMMITS):
        first = number * CHANGED_LOANS % 1_000
        pushes = [
            loan_pb2.BalanceUpdate(
                loan=f"loans/loan-{first + place + 1}", principal=money(str(60_000 + number)), balance_date=day
            )
            for place in range(CHANGED_LOANS)
        ]
        client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=pushes))
        time.sleep(PAUSE_SECONDS)
        found.append(_page(client))
    return found


def _streamed(client: Client) -> float:
    """Returns the rows a second of the stream, until the client has an Arrow table of all rows."""
    start = time.perf_counter()
    answers = client.reports.StreamLtvReport(report_pb2.StreamLtvReportRequest())
    table = pa.ipc.open_stream(b"".join(answer.arrow for answer in answers)).read_all()
    return float(table.num_rows / (time.perf_counter() - start))


def _floor(url: str) -> float:
    """Returns the seconds in which ADBC reads the sorted columns and pyarrow writes them as an IPC stream."""
    with connect(url) as connection, connection.cursor() as cursor:
        start = time.perf_counter()
        cursor.execute(FLOOR)
        table = cursor.fetch_arrow_table()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return time.perf_counter() - start
