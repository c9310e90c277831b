"""Calls the server for the commands on pick-ups, on the controlled value of a loan, and on double pledges."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import grpc
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED, print_line
from collateral_registry.cli.common.formatting import date_message, resource_name, to_decimal
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
    number,
    share,
    short_name,
    text,
)
from collateral_registry.v1 import common_pb2, double_pledge_pb2, double_pledge_pb2_grpc, pickup_pb2, pickup_pb2_grpc

PICKUPS = Table(
    "pick-ups",
    (
        Column("pickup", Kind.TEXT, "pick-up", Importance.HIGH),
        Column("loan", Kind.TEXT, importance=Importance.HIGH),
        Column("asset", Kind.TEXT),
        Column("warehouse", Kind.TEXT, importance=Importance.LOW),
        Column("quantity", Kind.NUMBER),
        Column("taken_quantity", Kind.NUMBER, "taken", Importance.USUAL),
        Column("unit", Kind.CODE),
        Column("expire_date", Kind.DATE, "until"),
        Column("state", Kind.CODE),
        Column("note", Kind.TEXT, importance=Importance.DETAIL),
    ),
)
FLOOR = Table(
    "figures",
    (
        Column("figure", Kind.TEXT),
        Column("amount", Kind.AMOUNT),
        Column("currency", Kind.CODE, "ccy"),
        Column("share", Kind.SHARE),
    ),
)
AMOUNTS = ("exposure", "floor", "goods_floor", "controlled_value", "other_value", "gap", "room")


def check_book(channel: grpc.Channel) -> int:
    """Checks the whole book and prints the counts; returns 1 if anything was found, otherwise 0."""
    stub = double_pledge_pb2_grpc.DoublePledgeServiceStub(channel)
    found = stub.CheckDoublePledge(double_pledge_pb2.CheckDoublePledgeRequest(request_id=uuid.uuid4().hex))
    print_line(
        f"{found.same_number_count} pairs with the same number, {found.suspicion_count} suspicions, "
        f"{found.over_pledged_place_count} over-pledged places; {found.opened_finding_count} new findings"
    )
    clean = not (found.same_number_count or found.suspicion_count or found.over_pledged_place_count)
    return 0 if clean else EXIT_SOME_REFUSED


def confirm_finding(channel: grpc.Channel, finding: str, actor: str, note: str) -> None:
    """Confirms a double pledge and prints the asset that is now valued at zero."""
    request = double_pledge_pb2.ConfirmDoublePledgeRequest(
        name=resource_name("findings", finding), actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    answer = double_pledge_pb2_grpc.DoublePledgeServiceStub(channel).ConfirmDoublePledge(request)
    print_line(f"{answer.asset} is now valued at zero")


def check_pickup(channel: grpc.Channel, loan: str, asset: str, quantity: str) -> int:
    """Prints whether goods may leave; returns 0 if all the goods may leave, otherwise 1."""
    request = pickup_pb2.CheckPickupRequest(
        loan=resource_name("loans", loan), asset=resource_name("assets", asset), quantity=Decimal(value=quantity)
    )
    answer = pickup_pb2_grpc.PickupServiceStub(channel).CheckPickup(request)
    allowed = f"all of it may leave: {answer.largest_quantity.value} {answer.unit}"
    print_line(allowed if answer.allowed else answer.reason)
    return 0 if answer.allowed else EXIT_SOME_REFUSED


def request_pickup(
    channel: grpc.Channel, loan: str, asset: str, quantity: str, expire: str, note: str, layout: Layout
) -> None:
    """Authorises a pick-up and shows it."""
    request = pickup_pb2.RequestPickupRequest(
        parent=resource_name("loans", loan),
        asset=resource_name("assets", asset),
        quantity=Decimal(value=quantity),
        expire_date=date_message("expire", expire) if expire else None,
        note=note,
        pickup_id=f"pickup-{uuid.uuid4().hex[:12]}",
        request_id=uuid.uuid4().hex,
    )
    _show_pickups([pickup_pb2_grpc.PickupServiceStub(channel).RequestPickup(request)], layout)


def cancel_pickup(channel: grpc.Channel, name: str, layout: Layout) -> None:
    """Cancels an authorisation and shows it."""
    request = pickup_pb2.CancelPickupRequest(name=name, request_id=uuid.uuid4().hex)
    _show_pickups([pickup_pb2_grpc.PickupServiceStub(channel).CancelPickup(request)], layout)


def list_pickups(channel: grpc.Channel, loan: str, filter_: str, limit: int, layout: Layout) -> None:
    """Shows a table of pick-up authorisations."""
    request = pickup_pb2.ListPickupsRequest(parent=resource_name("loans", loan) if loan else "loans/-", filter=filter_)
    answer = fetch_all(pickup_pb2_grpc.PickupServiceStub(channel).ListPickups, request, "pickups", limit)
    _show_pickups(answer.pickups, layout)


def show_controlled_value(channel: grpc.Channel, loan: str, layout: Layout) -> None:
    """Shows the floor, the controlled value and the gap of a loan."""
    request = pickup_pb2.GetControlledValueRequest(name=resource_name("loans", loan))
    found = pickup_pb2_grpc.PickupServiceStub(channel).GetControlledValue(request)
    amounts = [(name, getattr(found, name)) for name in AMOUNTS]
    rows: list[Row] = [
        (name.replace("_", " "), to_decimal(money), money.currency_code, None) for name, money in amounts
    ]
    rows += [
        (name.replace("_", " "), None, None, share(getattr(found, name)))
        for name in ("target_ratio", "market_pledge_rate")
        if found.HasField(name)
    ]
    coverage = common_pb2.Coverage.Name(found.coverage).removeprefix("COVERAGE_")
    show_table(FLOOR, ListedRows(rows), layout, f"{resource_name('loans', loan)}: coverage {coverage}")


def _show_pickups(pickups: Iterable[pickup_pb2.Pickup], layout: Layout) -> None:
    show_table(PICKUPS, ListedRows(map(_pickup_row, pickups)), layout)


def _pickup_row(one: pickup_pb2.Pickup) -> Row:
    return (
        short_name(one.name),
        one.name.split("/")[1],
        short_name(one.asset),
        text(one.warehouse),
        number(one.quantity),
        number(one.taken_quantity),
        one.unit,
        day(one.expire_date),
        label(pickup_pb2.PickupState.Name(one.state), "PICKUP_STATE_"),
        text(one.note),
    )
