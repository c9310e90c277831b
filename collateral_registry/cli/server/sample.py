"""Loads the sample book as of the end of 2021."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from importlib.resources import files

import grpc

from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.common.request_id import with_request_id
from collateral_registry.cli.importing import messages
from collateral_registry.cli.importing.import_csv import Tally, import_rows
from collateral_registry.cli.server.sample_pools import record_assignment, record_entries
from collateral_registry.v1 import (
    business_date_pb2,
    business_date_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
)
from valuation.tables.reader import NumberedRow, read_source
from valuation.tables.source import Format, Source

OPENING = "2021-12-31"
LAST = "2022-12-30"
UNDRAWN = {"principal": "0", "accrued_interest": "", "fees": ""}


def table(name: str) -> list[NumberedRow]:
    """Returns the rows of one file of the sample."""
    content = files("collateral_registry.sample").joinpath(f"{name}.csv").read_bytes()
    return list(read_source(Source(f"{name}.csv", content, Format.TEXT), SCHEMAS[name]).complete().rows())


def load(channel: grpc.Channel) -> None:
    """Loads series, rates, prices, debtors, assets with ledgers, undrawn loans and pledges, then the loan balances.

    Loans are drawn last, so that no loan is uncovered while the sample is loaded. If loading was interrupted, loading
    again continues it. Raises ValueError if the business date is after the sample, or if the server refuses a row.
    """
    today, _ = business_date(channel)
    if today.isoformat() > LAST:
        raise ValueError(
            f"business date: got {today}, want {OPENING}, because every price of the sample would be too old; start a "
            f"server with --business-date {OPENING} on a new database"
        )
    loans = table("loans")
    parts = (
        ("series", table("series")),
        ("fx", [row for row in table("fx") if row.values["date"] <= OPENING]),
        ("prices", [row for row in table("prices") if row.values["date"] <= OPENING]),
        ("debtors", table("debtors")),
        ("assets", table("assets")),
    )
    _import(channel, parts)
    record_entries(channel, [row.values for row in table("invoices") if row.values["time"][:10] <= OPENING])
    for row in table("assignments"):
        if row.values["date"] <= OPENING:
            record_assignment(channel, row.values)
    secured = (
        ("loans", [replace(row, values={**row.values, **UNDRAWN}) for row in loans]),
        ("pledges", [row for row in table("pledges") if row.values["registered"] <= OPENING]),
    )
    _import(channel, secured)
    update_balances(channel, [messages.balance_update(row.values) for row in loans], "sample")


def _import(channel: grpc.Channel, parts: Iterable[tuple[str, list[NumberedRow]]]) -> None:
    """Imports rows by kind of file; raises ValueError if the server refuses one."""
    for file_kind, numbered in parts:
        tally = Tally()
        import_rows(channel, file_kind, numbered, tally)
        if tally.refused:
            line, reason = tally.problems[0]
            raise ValueError(f"sample {file_kind}.csv:{line}: {reason}; load the sample into an empty book")


def update_balances(channel: grpc.Channel, balances: list[loan_pb2.BalanceUpdate], occasion: str) -> None:
    """Updates loan balances; raises ValueError if one is refused."""
    request = with_request_id(loan_pb2.UpdateBalancesRequest(balances=balances), occasion)
    answer = loan_pb2_grpc.LoanServiceStub(channel).UpdateBalances(request)
    for problem in answer.problems:
        raise ValueError(f"balance of {balances[problem.index].loan}: {problem.reason}")


def business_date(channel: grpc.Channel) -> tuple[date, int]:
    """Returns the business date and the number of the newest commit."""
    stub = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    state = stub.GetBusinessDate(business_date_pb2.GetBusinessDateRequest())
    return date(state.date.year, state.date.month, state.date.day), state.sequence


def is_sample(channel: grpc.Channel) -> bool:
    """Returns whether the book contains at least part of the sample, recognised by the source of its first series."""
    first = table("series")[0].values
    try:
        request = price_pb2.GetPriceSeriesRequest(name=f"priceSeries/{first['series']}")
        return bool(price_pb2_grpc.PriceServiceStub(channel).GetPriceSeries(request).source == first["source"])
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return False
        raise
