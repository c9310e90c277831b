"""Servicer of PickupService."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from grpc.aio import ServicerContext

from collateral_registry.commands.loans import pickups as commands
from collateral_registry.commands.loans.controlled_value import controlled_value
from collateral_registry.commands.loans.up_to_date import active_loan, loans_on_lot
from collateral_registry.domain.filters.expressions import EVERYTHING, Expression, narrowed
from collateral_registry.domain.loans.controlled_value import ControlledValue
from collateral_registry.domain.shared.names import checked_id, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.cover_messages import coverage_message
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.up_to_date import read_up_to_date
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.pickups import StoredPickup, get_pickup, list_pickups
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import pickup_pb2 as pb, pickup_pb2_grpc

EVERY_LOAN = {"", "loans/-"}
"""Parents that stand for all loans."""


def of_loan(parent: str) -> Expression:
    """Returns the expression that restricts a list to a loan, or that matches everything for all loans."""
    return EVERYTHING if parent in EVERY_LOAN else narrowed(EVERYTHING, "loan", id_of("parent", parent, "loans")[0])


class PickupServicer(pickup_pb2_grpc.PickupServiceServicer):
    """Checks and authorises pick-ups: goods that leave a pledged lot."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CheckPickup(self, request: pb.CheckPickupRequest, context: ServicerContext) -> pb.CheckPickupResponse:
        """Returns whether a quantity may leave a pledged lot, and how much may leave."""
        read = convert.read_all(
            loan_id=lambda: id_of("loan", request.loan, "loans")[0],
            asset_id=lambda: id_of("asset", request.asset, "assets")[0],
            quantity=lambda: convert.read_decimal("quantity", request.quantity),
        )

        def work(connection: Connection) -> pb.CheckPickupResponse:
            answer = commands.check_pickup(connection, **read)
            return pb.CheckPickupResponse(
                allowed=answer.allowed,
                largest_quantity=convert.decimal(answer.largest),
                unit=answer.unit,
                cash=convert.optional_money(answer.cash),
                reason=answer.reason,
            )

        loans = partial(loans_on_lot, loan_id=read["loan_id"], asset_id=read["asset_id"])
        return await read_up_to_date(self.runner, loans, work)

    async def RequestPickup(self, request: pb.RequestPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Authorises a pick-up; fails if the remaining collateral would not cover the loan."""
        asked = read_pickup(request)
        return await self.runner.write(
            call_of(request, "RequestPickup", pb.Pickup),
            _answering(lambda write: commands.request_pickup(write, asked)),
        )

    async def GetPickup(self, request: pb.GetPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Returns one pick-up."""
        loan_id, pickup_id = id_of("name", request.name, "loans", "pickups")
        return await self.runner.read(lambda connection: _pickup_message(get_pickup(connection, loan_id, pickup_id)))

    async def ListPickups(self, request: pb.ListPickupsRequest, context: ServicerContext) -> pb.ListPickupsResponse:
        """Lists the pick-ups of a loan, or of all loans, oldest first."""
        wanted, page = filtered_page(request, "ListPickups", 0, of_parent=of_loan)

        def work(connection: Connection) -> pb.ListPickupsResponse:
            messages, token = page.filled(
                list_pickups(connection, wanted, *page.bounds), lambda row: row.key, _pickup_message
            )
            return pb.ListPickupsResponse(pickups=messages, next_page_token=token)

        return await self.runner.read(work)

    async def CancelPickup(self, request: pb.CancelPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Cancels a pick-up. Quantities that have already left stay recorded."""
        loan_id, pickup_id = id_of("name", request.name, "loans", "pickups")
        work = _answering(lambda write: commands.cancel_pickup(write, loan_id, pickup_id))
        return await self.runner.write(call_of(request, "CancelPickup", pb.Pickup), work)

    async def GetControlledValue(
        self, request: pb.GetControlledValueRequest, context: ServicerContext
    ) -> pb.ControlledValue:
        """Returns the controlled value of a loan and its distance to the floor."""
        (loan_id,) = id_of("name", request.name, "loans")

        def work(connection: Connection) -> pb.ControlledValue:
            loan = get_loan(connection, loan_id)
            return _controlled_message(loan_id, controlled_value(connection, loan), loan.loan.currency)

        return await read_up_to_date(self.runner, partial(active_loan, loan_id=loan_id), work)


def read_pickup(request: pb.RequestPickupRequest) -> commands.PickupRequest:
    """Returns the pick-up in a request; raises InvalidInput with the name of the field."""
    read = convert.read_all(
        loan_id=lambda: id_of("parent", request.parent, "loans")[0],
        asset_id=lambda: id_of("asset", request.asset, "assets")[0],
        pickup_id=lambda: checked_id("pickup_id", request.pickup_id),
        quantity=lambda: convert.read_decimal("quantity", request.quantity),
        expire=lambda: convert.read_date("expire_date", request, "expire_date"),
    )
    return commands.PickupRequest(**read, note=request.note)


def _answering(work: Callable[[Write], StoredPickup]) -> Callable[[Write], pb.Pickup]:
    return lambda write: _pickup_message(work(write))


def _pickup_message(stored: StoredPickup) -> pb.Pickup:
    pickup = stored.pickup
    return convert.message_of(
        pb.Pickup,
        pickup,
        name=f"loans/{pickup.loan_id}/pickups/{pickup.pickup_id}",
        asset=f"assets/{pickup.asset_id}",
        warehouse=stored.warehouse,
        taken_quantity=convert.of_millionths(pickup.taken),
        expire_date=convert.calendar_date(pickup.expire),
        create_time=convert.timestamp(stored.created_us),
    )


def _controlled_message(loan_id: str, found: ControlledValue, currency: str) -> pb.ControlledValue:
    amounts = {
        "exposure": found.exposure,
        "floor": found.floor,
        "goods_floor": found.goods_floor,
        "controlled_value": found.controlled,
        "other_value": found.other,
        "gap": found.gap,
        "room": found.room,
    }
    return pb.ControlledValue(
        loan=f"loans/{loan_id}",
        target_ratio=convert.of_millionths(found.target_ppm),
        coverage=coverage_message(found.coverage_unknown),
        market_pledge_rate=convert.ratio(found.market_pledge_rate),
        **{field: convert.money(minor, currency) for field, minor in amounts.items()},
    )
