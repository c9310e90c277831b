"""Calls the server for the commands on pick-ups, on the controlled value of a loan, and on double pledges."""

from __future__ import annotations

import uuid

import grpc
from google.type.decimal_pb2 import Decimal
from rich.markup import escape
from rich.table import Table

from collateral_registry.cli.common.client import EXIT_SOME_REFUSED
from collateral_registry.cli.common.formatting import (
    date_message,
    enum_label,
    format_amount,
    format_date,
    format_percent,
    resource_name,
)
from collateral_registry.cli.common.paging import fetch_all
from collateral_registry.cli.loans.report import console_for_reports, print_table
from collateral_registry.v1 import common_pb2, double_pledge_pb2, double_pledge_pb2_grpc, pickup_pb2, pickup_pb2_grpc

AMOUNTS = ("exposure", "floor", "goods_floor", "controlled_value", "other_value", "gap", "room")


def check_book(channel: grpc.Channel) -> int:
    """Checks the whole book and prints the counts; returns 1 if anything was found, otherwise 0."""
    stub = double_pledge_pb2_grpc.DoublePledgeServiceStub(channel)
    found = stub.CheckDoublePledge(double_pledge_pb2.CheckDoublePledgeRequest(request_id=uuid.uuid4().hex))
    console_for_reports().print(
        f"{found.same_number_count} pairs with the same number, {found.suspicion_count} suspicions, "
        f"{found.over_pledged_place_count} over-pledged places; {found.opened_finding_count} new findings",
        highlight=False,
    )
    clean = not (found.same_number_count or found.suspicion_count or found.over_pledged_place_count)
    return 0 if clean else EXIT_SOME_REFUSED


def confirm_finding(channel: grpc.Channel, finding: str, actor: str, note: str) -> None:
    """Confirms a double pledge and prints the asset that is now valued at zero."""
    request = double_pledge_pb2.ConfirmDoublePledgeRequest(
        name=resource_name("findings", finding), actor=actor, note=note, request_id=uuid.uuid4().hex
    )
    answer = double_pledge_pb2_grpc.DoublePledgeServiceStub(channel).ConfirmDoublePledge(request)
    console_for_reports().print(f"{answer.asset} is now valued at zero", highlight=False)


def check_pickup(channel: grpc.Channel, loan: str, asset: str, quantity: str) -> int:
    """Prints whether goods may leave; returns 0 if all the goods may leave, otherwise 1."""
    request = pickup_pb2.CheckPickupRequest(
        loan=resource_name("loans", loan), asset=resource_name("assets", asset), quantity=Decimal(value=quantity)
    )
    answer = pickup_pb2_grpc.PickupServiceStub(channel).CheckPickup(request)
    allowed = f"all of it may leave: {answer.largest_quantity.value} {answer.unit}"
    console_for_reports().print(allowed if answer.allowed else answer.reason, highlight=False, markup=False)
    return 0 if answer.allowed else EXIT_SOME_REFUSED


def request_pickup(channel: grpc.Channel, loan: str, asset: str, quantity: str, expire: str, note: str) -> None:
    """Authorises a pick-up and prints it."""
    request = pickup_pb2.RequestPickupRequest(
        parent=resource_name("loans", loan),
        asset=resource_name("assets", asset),
        quantity=Decimal(value=quantity),
        expire_date=date_message("expire", expire) if expire else None,
        note=note,
        pickup_id=f"pickup-{uuid.uuid4().hex[:12]}",
        request_id=uuid.uuid4().hex,
    )
    _print_pickups([pickup_pb2_grpc.PickupServiceStub(channel).RequestPickup(request)])


def cancel_pickup(channel: grpc.Channel, name: str) -> None:
    """Cancels an authorisation and prints it."""
    request = pickup_pb2.CancelPickupRequest(name=name, request_id=uuid.uuid4().hex)
    _print_pickups([pickup_pb2_grpc.PickupServiceStub(channel).CancelPickup(request)])


def list_pickups(channel: grpc.Channel, loan: str, filter_: str, limit: int) -> None:
    """Prints a table of pick-up authorisations."""
    request = pickup_pb2.ListPickupsRequest(parent=resource_name("loans", loan) if loan else "loans/-", filter=filter_)
    answer = fetch_all(pickup_pb2_grpc.PickupServiceStub(channel).ListPickups, request, "pickups", limit)
    _print_pickups(answer.pickups)


def show_controlled_value(channel: grpc.Channel, loan: str) -> None:
    """Prints the floor, the controlled value and the gap of a loan."""
    request = pickup_pb2.GetControlledValueRequest(name=resource_name("loans", loan))
    found = pickup_pb2_grpc.PickupServiceStub(channel).GetControlledValue(request)
    table = Table(show_header=False)
    for name in AMOUNTS:
        money = getattr(found, name)
        table.add_row(name.replace("_", " "), f"{format_amount(money)} {money.currency_code}")
    table.add_row("target ratio", format_percent(found.target_ratio.value))
    if found.HasField("market_pledge_rate"):
        table.add_row("market pledge rate", format_percent(found.market_pledge_rate.value))
    table.add_row("coverage", enum_label(common_pb2.Coverage.Name(found.coverage), "COVERAGE_").upper())
    console_for_reports().print(table)


def _print_pickups(pickups: list[pickup_pb2.Pickup]) -> None:
    rows = (
        (
            one.name,
            one.asset.removeprefix("assets/"),
            one.warehouse,
            f"{one.quantity.value} {one.unit}",
            f"{one.taken_quantity.value} {one.unit}",
            format_date(one.expire_date),
            enum_label(pickup_pb2.PickupState.Name(one.state), "PICKUP_STATE_"),
            one.note,
        )
        for one in pickups
    )
    names = ("pickup", "asset", "warehouse", "quantity", "taken", "until", "state", "note")
    print_table(names, (map(escape, cells) for cells in rows))
