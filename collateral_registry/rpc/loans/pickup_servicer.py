"""PickupService."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from google.type.decimal_pb2 import Decimal as DecimalMessage
from grpc.aio import ServicerContext

from collateral_registry.commands.loans import pickups as commands
from collateral_registry.commands.loans.controlled_value import controlled_value
from collateral_registry.domain.loans.controlled_value import ControlledValue
from collateral_registry.domain.loans.pickups import PickupState
from collateral_registry.domain.shared.names import checked_id, id_of
from collateral_registry.domain.shared.quantities import MILLION
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.filtering import conditions_in
from collateral_registry.rpc.common.paging import page_of
from collateral_registry.rpc.loans.cover_messages import coverage_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.up_to_date import read_up_to_date
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.engine.filters import Condition
from collateral_registry.store.loans.pickups import StoredPickup, get_pickup, list_pickups
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import pickup_pb2 as pb
from collateral_registry.v1 import pickup_pb2_grpc
from valuation.money import PPM

ENUMS = {"state": {state.name: int(state) for state in PickupState}}
EVERY_LOAN = {"", "loans/-"}


class PickupServicer(pickup_pb2_grpc.PickupServiceServicer):
    """Answers whether goods may leave a pledged lot, and keeps what was authorised."""

    def __init__(self, runner: BookRunner) -> None:
        """Serves the book behind the calls."""
        self.runner = runner

    async def CheckPickup(self, request: pb.CheckPickupRequest, context: ServicerContext) -> pb.CheckPickupResponse:
        """Tells whether a quantity may leave."""
        (loan_id,), (asset_id,) = id_of("loan", request.loan, "loans"), id_of("asset", request.asset, "assets")
        quantity = convert.read_decimal("quantity", request.quantity)

        def work(connection: Connection) -> pb.CheckPickupResponse:
            answer = commands.check_pickup(connection, loan_id, asset_id, quantity)
            return pb.CheckPickupResponse(
                allowed=answer.allowed,
                largest_quantity=convert.decimal(answer.largest),
                unit=answer.unit,
                cash=convert.money(answer.cash.minor, answer.cash.currency) if answer.cash else None,
                reason=answer.reason,
            )

        return await read_up_to_date(self.runner, loan_id, work)

    async def RequestPickup(self, request: pb.RequestPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Authorises a pick-up."""
        (loan_id,), (asset_id,) = id_of("parent", request.parent, "loans"), id_of("asset", request.asset, "assets")
        pickup_id = checked_id("pickup_id", request.pickup_id)
        quantity = convert.read_decimal("quantity", request.quantity)
        expire = convert.read_date("expire_date", request, "expire_date")

        asked = commands.PickupAsked(loan_id, asset_id, pickup_id, quantity, expire, request.note)
        return await self.runner.write(
            request, "RequestPickup", pb.Pickup, _answering(lambda write: commands.request_pickup(write, asked))
        )

    async def GetPickup(self, request: pb.GetPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Returns one authorisation."""
        loan_id, pickup_id = id_of("name", request.name, "loans", "pickups")
        return await self.runner.read(lambda connection: _pickup_message(get_pickup(connection, loan_id, pickup_id)))

    async def ListPickups(self, request: pb.ListPickupsRequest, context: ServicerContext) -> pb.ListPickupsResponse:
        """Lists authorisations."""
        wanted = conditions_in(request.filter, ENUMS)
        if request.parent not in EVERY_LOAN:
            wanted.append(Condition("loan", id_of("parent", request.parent, "loans")[0]))
        page = page_of(request, f"ListPickups {request.parent} {request.filter}", 0)

        def work(connection: Connection) -> pb.ListPickupsResponse:
            rows, token = page.cut(list_pickups(connection, wanted, *page.bounds), lambda row: row.key)
            return pb.ListPickupsResponse(pickups=[_pickup_message(row) for row in rows], next_page_token=token)

        return await self.runner.read(work)

    async def CancelPickup(self, request: pb.CancelPickupRequest, context: ServicerContext) -> pb.Pickup:
        """Takes an authorisation back."""
        loan_id, pickup_id = id_of("name", request.name, "loans", "pickups")
        work = _answering(lambda write: commands.cancel_pickup(write, loan_id, pickup_id))
        return await self.runner.write(request, "CancelPickup", pb.Pickup, work)

    async def GetControlledValue(
        self, request: pb.GetControlledValueRequest, context: ServicerContext
    ) -> pb.ControlledValue:
        """Tells how a loan stands above its floor."""
        (loan_id,) = id_of("name", request.name, "loans")

        def work(connection: Connection) -> pb.ControlledValue:
            loan = get_loan(connection, loan_id)
            return _controlled_message(loan_id, controlled_value(connection, loan), loan.loan.currency)

        return await read_up_to_date(self.runner, loan_id, work)


def _answering(work: Callable[[Write], StoredPickup]) -> Callable[[Write], pb.Pickup]:
    return lambda write: _pickup_message(work(write))


def _pickup_message(stored: StoredPickup) -> pb.Pickup:
    pickup = stored.pickup
    return pb.Pickup(
        name=f"loans/{pickup.loan_id}/pickups/{pickup.pickup_id}",
        asset=f"assets/{pickup.asset_id}",
        warehouse=stored.warehouse,
        quantity=_quantity(pickup.quantity),
        taken_quantity=_quantity(pickup.taken),
        unit=pickup.unit,
        expire_date=convert.calendar_date(pickup.expire),
        state=int(pickup.state),
        note=pickup.note,
        create_time=convert.timestamp(stored.created_us),
    )


def _quantity(millionths: int) -> DecimalMessage:
    return convert.decimal((Decimal(millionths) / MILLION).normalize())


def _controlled_message(loan_id: str, found: ControlledValue, currency: str) -> pb.ControlledValue:
    message = pb.ControlledValue(
        loan=f"loans/{loan_id}",
        target_ratio=convert.decimal((Decimal(found.target_ppm) / PPM).normalize()),
        coverage=coverage_message(found.coverage_unknown),
    )
    amounts = {
        "exposure": found.exposure,
        "floor": found.floor,
        "goods_floor": found.goods_floor,
        "controlled_value": found.controlled,
        "other_value": found.other,
        "gap": found.gap,
        "room": found.room,
    }
    for field, minor in amounts.items():
        getattr(message, field).CopyFrom(convert.money(minor, currency))
    rate = found.market_pledge_rate
    if rate is not None:
        message.market_pledge_rate.CopyFrom(convert.ratio(rate))
    return message
