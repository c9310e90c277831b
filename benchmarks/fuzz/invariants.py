"""What holds of a book after an attack; each function returns the violations that it found."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor

from benchmarks.fuzz.plausible import list_methods, names_in, parents_of, rows_of
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.v1 import report_pb2, revaluation_pb2, valuation_pb2
from tests.support.contract_book import Book, without_time
from tests.support.contract_requests import METHODS
from tests.support.server import Server, amount

SMALL_PAGE, PAGES_LIMIT = 7, 50
"""Rows of a small page, of which a list is read as well; more rows where a list would have more pages."""

PARENTS_LIMIT = 40
"""Parents whose lists are read."""

ROWS_LIMIT = 100
"""Rows of a list, spread over it, that are read one by one."""

REFUSALS = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
OF_SOME_PARENTS = {"ListInvoices": (grpc.StatusCode.NOT_FOUND,)}
"""Codes of lists that only some resources of the parent's type have: pools among the assets."""

ROUNDING = Decimal("0.02")
ERRORS_IN_LOG = ("Traceback (most recent call last)", "Task exception was never retrieved")

Reports = tuple[int, bytes, bytes]
"""A sequence and the serialised reports as of it."""


def reports(book: Book, sequence: int) -> Reports:
    """Returns the reports as of a sequence."""
    as_of = report_pb2.AsOf(sequence=sequence)
    ltv = book.call("GenerateLtvReport", report_pb2.GenerateLtvReportRequest(as_of=as_of, page_size=1_000))
    breaches = book.call("GenerateBreachReport", report_pb2.GenerateBreachReportRequest(as_of=as_of, page_size=1_000))
    return sequence, ltv.SerializeToString(deterministic=True), breaches.SerializeToString(deterministic=True)


def covers_changed(book: Book) -> Iterator[str]:
    """Yields the loans whose cover differs after everything has been revalued."""
    now = covers(book)
    book.call("StartRevaluation", revaluation_pb2.StartRevaluationRequest())
    book.quiet()
    then = covers(book)
    yield from (f"revalued: {name}" for name in now if now[name] != then.get(name))


def covers(book: Book) -> dict[str, bytes]:
    """Returns the rows of the present LTV report by loan, without the sequence of their judgement."""
    book.quiet()
    request, found = report_pb2.GenerateLtvReportRequest(page_size=1_000), {}
    while True:
        answer = book.call("GenerateLtvReport", request)
        found.update({row.loan: without_time(row).SerializeToString(deterministic=True) for row in answer.rows})
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


def lists_broken(book: Book) -> Iterator[str]:
    """Yields lists whose pages do not contain each row once, and rows that their Get does not return."""
    names = names_in(book)
    for method in list_methods():
        for parent in parents_of(method, names)[:PARENTS_LIMIT]:
            yield from _list_broken(book, method, parent)


def _list_broken(book: Book, method: MethodDescriptor, parent: str) -> Iterator[str]:
    place = f"{method.name} {parent}"
    try:
        whole = [row.SerializeToString(deterministic=True) for row in rows_of(book, method, parent, 1_000)]
    except grpc.RpcError as error:
        if error.code() not in (*REFUSALS, *OF_SOME_PARENTS.get(method.name, ())):
            yield f"{place}: {error.code().name}"
        return
    page_size = max(SMALL_PAGE, len(whole) // PAGES_LIMIT)
    rows = list(rows_of(book, method, parent, page_size))
    if whole != [row.SerializeToString(deterministic=True) for row in rows]:
        yield f"{place}: pages of {page_size} differ from the whole"
    named = [row for row in rows if "name" in row.DESCRIPTOR.fields_by_name]
    if len({row.name for row in named}) != len(named):
        yield f"{place}: a row is listed twice"
    for row in named[:: len(named) // ROWS_LIMIT + 1]:
        yield from _read_back(book, row.DESCRIPTOR.name, row.name)


def _read_back(book: Book, kind: str, name: str) -> Iterator[str]:
    method = METHODS.get(f"Get{kind}")
    if method is None or "name" not in method.input_type.fields_by_name:
        return
    request: Any = book.empty(method.name)
    request.name = name
    try:
        found = book.call(method.name, request)
    except grpc.RpcError as error:
        yield f"{method.name} {name}: {error.code().name}"
        return
    if found.name != name:
        yield f"{method.name} {name}: got {found.name}"


def claims_above_value(book: Book) -> Iterator[str]:
    """Yields assets of which the loans of their own currency claim more than the newest value."""
    claimed: dict[str, list[Any]] = defaultdict(list)
    for loan in rows_of(book, METHODS["ListLoans"], "", 1_000):
        for pledge in rows_of(book, METHODS["ListPledges"], loan.name, 1_000):
            if pledge.HasField("market_claim"):
                claimed[pledge.asset].append(pledge.market_claim)
    for asset, claims in claimed.items():
        request = valuation_pb2.ListValuationsRequest(parent=asset, page_size=50)
        found = book.call("ListValuations", request).valuations
        currency = claims[0].currency_code
        values = [one.adjusted_value for one in found if one.adjusted_value.currency_code == currency][:1]
        summed = sum((amount(one) for one in claims if one.currency_code == currency), Decimal())
        if values and summed > amount(values[0]) + ROUNDING:
            yield f"{asset}: claims of {summed} {currency} on {amount(values[0])}"


def store_damaged(url: str) -> Iterator[str]:
    """Yields what SQLite finds wrong in the file of a book; PostgreSQL checks keys at each write."""
    if not url.startswith("sqlite"):
        return
    connection = sqlite3.connect(f"file:{sqlite_file(url)}?mode=ro", uri=True)
    try:
        yield from (f"integrity: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok")
        yield from (f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check"))
    finally:
        connection.close()


def log_of_errors(server: Server) -> Iterator[str]:
    """Yields the lines of a server's log that report an unforeseen error."""
    with Path(server.output.name).open(encoding="utf-8", errors="replace") as lines:
        yield from (
            f"log: {line.strip()[:120]} … {line.strip()[-300:]}"
            for line in lines
            if any(text in line for text in ERRORS_IN_LOG)
        )
