"""Sets the terms of a borrowing base, and creates, ends and lists reserves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import Parse, ParseError
from google.type.decimal_pb2 import Decimal as DecimalMessage

from collateral_registry.cli.common.client import print_line
from collateral_registry.cli.common.formatting import date_message, member_name, resource_name, to_decimal
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
    share,
    text,
    time,
)
from collateral_registry.cli.importing.messages import money
from collateral_registry.v1 import borrowing_base_pb2 as pb, borrowing_base_pb2_grpc, loan_pb2, loan_pb2_grpc

RESERVES = Table(
    "reserves",
    (
        Column("loan", Kind.TEXT),
        Column("reserve", Kind.TEXT),
        Column("kind", Kind.CODE),
        Column("rate", Kind.SHARE),
        Column("amount", Kind.AMOUNT),
        Column("currency", Kind.CURRENCY),
        Column("first_date", Kind.DATE, "from", Importance.HIGH),
        Column("last_date", Kind.DATE, "until"),
        Column("ended", Kind.TIME, importance=Importance.USUAL),
        Column("owner", Kind.TEXT, importance=Importance.USUAL),
        Column("reason", Kind.TEXT, importance=Importance.LOW),
    ),
)


@dataclass(frozen=True)
class NewReserve:
    """A reserve as a command states it; either the amount or the rate is empty."""

    name: str
    kind: str
    amount: str
    rate: str
    owner: str
    reason: str
    first: str
    last: str


def set_terms(channel: grpc.Channel, loan: str, file: Path) -> None:
    """Sets the terms of a loan's base from the JSON of their message; raises ValueError if it is invalid."""
    try:
        terms = Parse(file.read_text(encoding="utf-8-sig"), loan_pb2.BorrowingBaseTerms())
    except (ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name}: {error}") from None
    changed = loan_pb2.Loan(name=resource_name("loans", loan), borrowing_base_terms=terms)
    mask = FieldMask(paths=["borrowing_base_terms"])
    request = loan_pb2.UpdateLoanRequest(loan=changed, update_mask=mask, request_id=uuid.uuid4().hex)
    loan_pb2_grpc.LoanServiceStub(channel).UpdateLoan(request)
    print_line(f"{changed.name} has a borrowing base by {file.name}")


def create_reserve(channel: grpc.Channel, stated: NewReserve, layout: Layout) -> None:
    """Records a reserve and shows it."""
    name, reserve_id = member_name("reserves", stated.name, "rent")
    currency = loan_pb2_grpc.LoanServiceStub(channel).GetLoan(loan_pb2.GetLoanRequest(name=name)).currency_code
    if bool(stated.amount) == bool(stated.rate):
        raise ValueError("--amount, --rate: got both or neither, want one of them")
    kinds = {one.removeprefix("RESERVE_KIND_"): number for one, number in pb.ReserveKind.items() if number}
    if stated.kind.upper() not in kinds:
        raise ValueError(f"--kind: got {stated.kind[:40]!r}, want one of {', '.join(kinds)}")
    reserve = pb.Reserve(
        kind=kinds[stated.kind.upper()],
        amount=money(stated.amount, currency, "--amount"),
        rate=DecimalMessage(value=stated.rate) if stated.rate else None,
        owner=stated.owner,
        reason=stated.reason,
        first_date=date_message("--from", stated.first),
        last_date=date_message("--until", stated.last) if stated.last else None,
    )
    request = pb.CreateReserveRequest(parent=name, reserve=reserve, reserve_id=reserve_id, request_id=uuid.uuid4().hex)
    _show([_stub(channel).CreateReserve(request)], layout)


def end_reserve(channel: grpc.Channel, name: str, actor: str, reason: str, layout: Layout) -> None:
    """Ends a reserve and shows it."""
    loan, reserve_id = member_name("reserves", name, "rent")
    request = pb.EndReserveRequest(
        name=f"{loan}/reserves/{reserve_id}",
        actor=actor,
        reason=reason,
        request_id=uuid.uuid4().hex,
    )
    _show([_stub(channel).EndReserve(request)], layout)


def list_reserves(channel: grpc.Channel, loan: str, filter_: str, limit: int, layout: Layout) -> None:
    """Lists the reserves of a loan, or of all loans."""
    request = pb.ListReservesRequest(parent=resource_name("loans", loan) if loan else "loans/-", filter=filter_)
    _show(list(fetch_all(_stub(channel).ListReserves, request, "reserves", limit).reserves), layout)


def _stub(channel: grpc.Channel) -> borrowing_base_pb2_grpc.BorrowingBaseServiceStub:
    return borrowing_base_pb2_grpc.BorrowingBaseServiceStub(channel)


def _show(reserves: list[pb.Reserve], layout: Layout) -> None:
    show_table(RESERVES, ListedRows(map(_row, reserves)), layout)


def _row(reserve: pb.Reserve) -> Row:
    loan, _, reserve_id = reserve.name.removeprefix("loans/").partition("/reserves/")
    return (
        loan,
        reserve_id,
        label(pb.ReserveKind.Name(reserve.kind), "RESERVE_KIND_"),
        share(reserve.rate),
        to_decimal(reserve.amount) if reserve.HasField("amount") else None,
        text(reserve.amount.currency_code),
        day(reserve.first_date),
        day(reserve.last_date),
        time(reserve.end_time),
        reserve.owner,
        reserve.reason,
    )
