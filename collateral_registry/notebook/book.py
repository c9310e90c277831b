"""A book on a server, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from collateral_partner.access.connection import Connection, from_environment
from collateral_registry.notebook import difference_tables, history_tables, tables
from collateral_registry.notebook.channel import CALL_SECONDS, ROWS_LIMIT, Caller, CallFailed, require_rows
from collateral_registry.notebook.columns import name_of
from collateral_registry.v1 import (
    business_date_pb2,
    business_date_pb2_grpc,
    difference_pb2,
    difference_pb2_grpc,
    forecast_pb2,
    forecast_pb2_grpc,
    haircut_pb2,
    haircut_pb2_grpc,
    history_pb2,
    history_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
    report_pb2,
    report_pb2_grpc,
    valuation_pb2,
    valuation_pb2_grpc,
)
from valuation.errors import InvalidInput
from valuation.result_table import ResultTable

ISO_DATE_LENGTH = 10

KEYS = 100
"""Classes and goods of each currency that the service lists at most."""

READ_ATTEMPTS = 3
"""Attempts to read the pages of a list without a commit between them."""

AsOf = date | datetime | np.datetime64 | int | np.integer | str | None
"""A business date, a time with a zone, the sequence of a commit, or None for now.

A date and a time may be texts such as 2022-07-13 and 2022-07-13T12:00:00Z, and a number may be one of numpy.
"""

LARGEST_COUNT, LARGEST_SEQUENCE = 2**31 - 1, 2**63 - 1
"""Largest numbers that a message can hold as a count and as the sequence of a commit."""


def connect(
    address: str = "127.0.0.1:50051",
    *,
    seconds: float = CALL_SECONDS,
    tls_authority: str | PathLike[str] | None = None,
    certificate: str | PathLike[str] | None = None,
    key: str | PathLike[str] | None = None,
    token_file: str | PathLike[str] | None = None,
) -> Book:
    """Returns the book of a server; ``seconds`` is the longest time of a call.

    The files are those of the options of the same names on the command line: the authorities of a server with TLS,
    certificate and key of the client, and a token. Those that are not given are read from the environment. Raises
    Unreachable, ValueError for credentials that do not belong together, and OSError for a file that cannot be read.
    """
    given = {"tls_authority": tls_authority, "certificate": certificate, "key": key, "token_file": token_file}
    files = {name: Path(path) for name, path in given.items() if path is not None}
    book = Book(address, seconds, replace(from_environment(), **files))
    book.state()
    return book


class Book:
    """The book of a server.

    Every table has the metadata ``commit``, ``business_date`` and ``policy``: what it describes. Amounts are decimals
    with the decimals of their currencies, levels are ordered categories, reasons and flags are lists of names, and
    times are in UTC. All rows are read; a table beyond ``limit`` rows raises TooManyRows.
    """

    def __init__(self, address: str, seconds: float, connection: Connection) -> None:
        self._caller = caller = Caller(address, seconds, connection)
        channel = caller.channel
        self._reports = report_pb2_grpc.ReportServiceStub(channel)
        self._prices = price_pb2_grpc.PriceServiceStub(channel)
        self._values = valuation_pb2_grpc.ValuationServiceStub(channel)
        self._differences = difference_pb2_grpc.DifferenceServiceStub(channel)
        self._history = history_pb2_grpc.HistoryServiceStub(channel)
        self._haircuts = haircut_pb2_grpc.HaircutServiceStub(channel)
        self._forecasts = forecast_pb2_grpc.ForecastServiceStub(channel)
        self._days = business_date_pb2_grpc.BusinessDateServiceStub(channel)

    def __repr__(self) -> str:
        try:
            state = self.state()
        except CallFailed as error:
            return f"Book({self._caller.address!r}): {error}"
        return f"Book({self._caller.address!r}, business_date={state['business_date']}, commit={state['commit']})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._caller.channel.close()

    def state(self) -> dict[str, str]:
        """Returns the newest commit, the business date, and the policy in force."""
        now = self._caller.call(self._days.GetBusinessDate, business_date_pb2.GetBusinessDateRequest())
        return _state(now.sequence, now.date, now.policy)

    def loans(
        self, as_of: AsOf = None, *, filter: str = "", order_by: str = "", limit: int = ROWS_LIMIT
    ) -> ResultTable:
        """Returns the LTV report: a row for each open loan with its cover, level and cures.

        ``filter`` and ``order_by`` are those of ``StreamLtvReport``, such as ``level = MARGIN_CALL``.
        """
        request = report_pb2.StreamLtvReportRequest(as_of=_moment(as_of), filter=filter, order_by=order_by)
        chunks = self._caller.stream(self._reports.StreamLtvReport, request)
        first = next(chunks)
        require_rows(first.row_count, limit)
        data = b"".join([first.arrow, *(chunk.arrow for chunk in chunks)])
        report = pa.ipc.open_stream(data).read_all()
        return _table(tables.loan_table(report), _state(first.sequence, first.market_date, first.policy))

    def breaches(self, as_of: AsOf = None, *, filter: str = "", limit: int = ROWS_LIMIT) -> ResultTable:
        """Returns the breaches, newest first, with the figures of their newest events.

        ``filter`` is that of ``GenerateBreachReport``, such as ``state = OPEN``. All pages show the same commit.
        """
        request = report_pb2.GenerateBreachReportRequest(as_of=_moment(as_of), filter=filter)
        pages = list(self._caller.rows(self._reports.GenerateBreachReport, request, "breaches", limit))
        found = [breach for page in pages for breach in page.breaches]
        first = pages[0]
        return _table(tables.breach_table(found), _state(first.sequence, first.market_date, first.policy))

    def loan_history(
        self, loan: str, as_of: AsOf = None, *, first: str = "", last: str = "", limit: int = ROWS_LIMIT
    ) -> ResultTable:
        """Returns the cover of a loan at the end of each business date, oldest first, with the limits of the day.

        ``first`` and ``last`` are dates such as 2022-07-13. Each day is as it was known at its end.
        """
        request = history_pb2.GetLoanHistoryRequest(
            name=_name("loan", loan, "loans"),
            first_date=_date("first", first),
            last_date=_date("last", last),
            as_of=_moment(as_of),
        )
        pages = list(self._caller.rows(self._history.GetLoanHistory, request, "days", limit))
        found = [day for page in pages for day in page.days]
        return _table(history_tables.loan_days_table(found), _moment_state(pages[0]))

    def history(
        self, as_of: AsOf = None, *, by: str = "currency", first: str = "", last: str = "", limit: int = ROWS_LIMIT
    ) -> ResultTable:
        """Returns the book at the end of each business date, oldest first, by currency, level, class or good.

        ``first`` and ``last`` are dates such as 2022-07-13. Each day is as it was known at its end. Classes and goods
        beyond the 100 largest of a currency are summed in rows without a key.
        """
        if by not in history_tables.BOOK_TABLES:
            raise InvalidInput("by", repr(by), " or ".join(history_tables.BOOK_TABLES))
        request = history_pb2.GetBookHistoryRequest(
            first_date=_date("first", first),
            last_date=_date("last", last),
            as_of=_moment(as_of),
            key_limit=KEYS,
            view=history_tables.VIEWS.get(by),
        )
        pages = list(self._caller.rows(self._history.GetBookHistory, request, "days", limit))
        found = [day for page in pages for day in page.days]
        return _table(history_tables.BOOK_TABLES[by](found), _moment_state(pages[0]))

    def differences(
        self, before: AsOf, after: AsOf = None, *, filter: str = "", limit: int = ROWS_LIMIT
    ) -> ResultTable:
        """Returns the loans that differ between two moments, worst change first, with their changes by step.

        ``filter`` is that of ``GenerateDifferenceReport``, such as ``change = CLOSED``. The metadata are of the second
        moment.
        """
        moments = {"before": _moment(before), "after": _moment(after)}
        request = difference_pb2.GenerateDifferenceReportRequest(**moments, filter=filter)
        pages = list(self._caller.rows(self._differences.GenerateDifferenceReport, request, "rows", limit))
        found, last = [row for page in pages for row in page.rows], pages[0].after
        state = _state(last.sequence, last.market_date, last.policy)
        return _table(difference_tables.difference_table(found), state)

    def prices(self, series: str, *, every_record: bool = False, limit: int = ROWS_LIMIT) -> ResultTable:
        """Returns the prices of a series in use, oldest first; ``valuation.haircut`` accepts the table.

        Corrected and quarantined prices are left out unless ``every_record`` is set.
        """
        name = _name("series", series, "priceSeries")
        described = self._caller.call(self._prices.GetPriceSeries, price_pb2.GetPriceSeriesRequest(name=name))

        def read() -> list[Any]:
            request = price_pb2.ListPricesRequest(parent=name)
            pages = self._caller.rows(self._prices.ListPrices, request, "prices", limit)
            return [one for page in pages for one in page.prices][::-1]

        found, state = self._at_one_commit(read)
        if not every_record:
            accepted = price_pb2.PRICE_VERDICT_ACCEPTED
            found = [one for one in found if one.verdict == accepted and not one.superseded]
        return _table(tables.price_table(described, found), state)

    def valuations(self, asset: str, *, limit: int = ROWS_LIMIT) -> ResultTable:
        """Returns the recorded valuations of an asset, newest first, with every part of the haircut."""
        parent = _name("asset", asset, "assets")

        def read() -> list[Any]:
            request = valuation_pb2.ListValuationsRequest(parent=parent)
            pages = self._caller.rows(self._values.ListValuations, request, "valuations", limit)
            return [one for page in pages for one in page.valuations]

        found, state = self._at_one_commit(read)
        return _table(tables.valuation_table(found), state)

    def haircuts(self, *, filter: str = "", every_record: bool = False, limit: int = ROWS_LIMIT) -> ResultTable:
        """Returns the newest haircut curve of each series, currency and confidence.

        ``filter`` is that of ``ListHaircutEstimates``, such as ``series = copper``. Earlier curves are left out unless
        ``every_record`` is set.
        """

        def read() -> list[Any]:
            view = haircut_pb2.HAIRCUT_ESTIMATE_VIEW_FULL
            request = haircut_pb2.ListHaircutEstimatesRequest(filter=filter, view=view)
            pages = self._caller.rows(self._haircuts.ListHaircutEstimates, request, "haircut_estimates", limit)
            return [one for page in pages for one in page.haircut_estimates]

        found, state = self._at_one_commit(read)
        if not every_record:
            newest: dict[tuple[str, ...], Any] = {}
            for one in found:
                key = (one.price_series, one.base_currency_code, one.currency_code, one.confidence.value)
                newest.setdefault(key, one)
            found = list(newest.values())
        return _table(tables.haircut_table(found), state)

    def forecast(
        self, series: str = "", *, asset: str = "", horizon_days: int = 60, model: str = "auto", as_of: AsOf = None
    ) -> ResultTable:
        """Returns the forecast of a series, or of the series that prices a lot: a row for each step ahead.

        The metadata has ``series``, ``model``, ``price`` and ``price_date`` instead of a policy, on which no forecast
        depends. A forecast that is unknown has no rows and the metadata ``unknown_reason``.
        """
        request = forecast_pb2.ForecastPriceRequest(
            price_series=_name("series", series, "priceSeries") if series else "",
            asset=_name("asset", asset, "assets") if asset else "",
            horizon_days=_days("horizon_days", horizon_days),
            model=model,
            as_of=_moment(as_of),
        )
        found = self._caller.call(self._forecasts.ForecastPrice, request)
        reason = name_of(forecast_pb2.ForecastUnknownReason, found.unknown_reason)
        described = {
            "series": found.price_series.partition("/")[2],
            "model": found.model,
            "price": found.price.value,
            "price_date": _day_text(found.date),
            "currency_code": found.currency_code,
            "unit": found.unit,
            "unknown_reason": reason or "",
        }
        described |= {"commit": str(found.sequence), "business_date": _day_text(found.market_date)}
        return _table(tables.forecast_table(found), {key: text for key, text in described.items() if text})

    def _at_one_commit(self, read: Callable[[], list[Any]]) -> tuple[list[Any], dict[str, str]]:
        """Returns rows that were read while no commit was made, with the state of the book.

        If commits keep coming, the state also has ``last_commit``: rows may be of any commit up to it.
        """
        for _ in range(READ_ATTEMPTS):
            before = self.state()
            rows = read()
            after = self.state()
            if after == before:
                return rows, before
        return rows, {**before, "last_commit": after["commit"]}


def _table(table: pa.Table, metadata: Mapping[str, str]) -> ResultTable:
    return ResultTable(tables.with_metadata(table, metadata))


def _state(sequence: int, day: Date, policy: str) -> dict[str, str]:
    return {"commit": str(sequence), "business_date": _day_text(day), "policy": policy}


def _moment_state(history: history_pb2.GetLoanHistoryResponse | history_pb2.GetBookHistoryResponse) -> dict[str, str]:
    return {"commit": str(history.sequence), "business_date": _day_text(history.market_date)}


def _date(field: str, text: str) -> Date | None:
    """Returns the date that a text states, None for an empty text; raises InvalidInput for another."""
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidInput(field, repr(text), "a date such as 2022-07-13") from None
    return Date(year=found.year, month=found.month, day=found.day)


def _day_text(day: Date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}" if day.year else ""


def _name(field: str, given: str, collection: str) -> str:
    """Returns the full name of a resource that is given by its name or its id."""
    if not isinstance(given, str) or not given:
        raise InvalidInput(field, repr(given), f"an id, or {collection}/ and an id")
    return given if "/" in given else f"{collection}/{given}"


def _days(field: str, days: int) -> int:
    """Returns a number of days; raises InvalidInput for one that is no whole number. The server limits it."""
    if isinstance(days, bool) or not isinstance(days, int | np.integer) or abs(days) > LARGEST_COUNT:
        raise InvalidInput(field, repr(days), "a whole number of days")
    return int(days)


def _moment(as_of: AsOf) -> report_pb2.AsOf | None:
    """Returns the moment of a request; raises InvalidInput for a time without a zone and for other types."""
    if as_of is None:
        return None
    found = _plain_moment(as_of)
    if isinstance(found, datetime):
        if found.tzinfo is None:  # as of NaT
            raise InvalidInput("as_of", str(as_of), "a time with a time zone, or a date")
        return report_pb2.AsOf(known_time=_timestamp(found))
    if isinstance(found, date):
        return report_pb2.AsOf(market_date=Date(year=found.year, month=found.month, day=found.day))
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) <= LARGEST_SEQUENCE:
        return report_pb2.AsOf(sequence=found)
    raise InvalidInput("as_of", repr(as_of), "a date, a time with a time zone, or the sequence of a commit")


def _plain_moment(as_of: object) -> object:
    """Returns a date, a time or a number of Python for a text or a value of numpy; other values as they are."""
    if isinstance(as_of, str):
        try:
            is_date = len(as_of) <= ISO_DATE_LENGTH
            return date.fromisoformat(as_of) if is_date else datetime.fromisoformat(as_of)
        except ValueError:
            want = "a date such as 2022-07-13, or a time such as 2022-07-13T12:00:00Z"
            raise InvalidInput("as_of", repr(as_of), want) from None
    if isinstance(as_of, np.datetime64):
        is_day = np.datetime_data(as_of)[0] == "D"
        return as_of.item() if is_day else as_of.astype("datetime64[us]").item()
    return int(as_of) if isinstance(as_of, np.integer) else as_of


def _timestamp(moment: datetime) -> Timestamp:
    known = Timestamp()
    try:
        known.FromDatetime(moment)
    except (ValueError, OverflowError):
        raise InvalidInput("as_of", moment.isoformat(), "a time of the years 1 to 9999 in UTC") from None
    return known
