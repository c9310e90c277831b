"""Servicer of BorrowingBaseService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.borrowing_base import reserves as commands
from collateral_registry.commands.borrowing_base.bases import recorded_base
from collateral_registry.commands.borrowing_base.class_lines import lines_of_classes
from collateral_registry.domain.borrowing_base.base import Reserve
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.borrowing_base.messages import (
    base_message,
    check_currency,
    read_reserve,
    reserve_message,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import read_moment
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.borrowing_base.reserves import get_reserve, list_reserves
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import borrowing_base_pb2 as pb, borrowing_base_pb2_grpc


class BorrowingBaseServicer(borrowing_base_pb2_grpc.BorrowingBaseServiceServicer):
    """Shows borrowing bases, and records the reserves that are deducted from them."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def GetBorrowingBase(self, request: pb.GetBorrowingBaseRequest, context: ServicerContext) -> pb.BorrowingBase:
        """Returns the base of a loan by the judgement that is or was current."""
        (loan_id,) = id_of("name", request.name, "loans")

        def work(connection: Connection) -> pb.BorrowingBase:
            found = recorded_base(connection, loan_id, read_moment(connection, request.as_of))
            return base_message(found, lines_of_classes(connection, found))

        return await self.runner.read(work)

    async def CreateReserve(self, request: pb.CreateReserveRequest, context: ServicerContext) -> pb.Reserve:
        """Records a reserve and judges its loan."""
        read = convert.read_all(
            loan_id=lambda: id_of("parent", request.parent, "loans")[0],
            reserve_id=lambda: checked_id("reserve_id", request.reserve_id),
            reserve=lambda: read_reserve(request.reserve, request.reserve_id),
        )
        reserve: Reserve = read["reserve"]

        def work(write: Write) -> pb.Reserve:
            loan = get_loan(write.connection, read["loan_id"]).loan
            check_currency(request.reserve, loan.currency)
            return reserve_message(commands.create_reserve(write, loan.loan_id, reserve))

        return await self.runner.write(call_of(request, "CreateReserve", pb.Reserve, reserve.owner), work)

    async def EndReserve(self, request: pb.EndReserveRequest, context: ServicerContext) -> pb.Reserve:
        """Ends a reserve and judges its loan."""
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "reserves"),
            actor=lambda: actor_of(request),
            reason=lambda: checked_text("reason", request.reason),
        )
        loan_id, reserve_id = read["ids"]
        return await self.runner.write(
            call_of(request, "EndReserve", pb.Reserve, read["actor"]),
            lambda write: reserve_message(commands.end_reserve(write, loan_id, reserve_id, read["reason"])),
        )

    async def GetReserve(self, request: pb.GetReserveRequest, context: ServicerContext) -> pb.Reserve:
        """Returns one reserve."""
        loan_id, reserve_id = id_of("name", request.name, "loans", "reserves")
        return await self.runner.read(lambda connection: reserve_message(get_reserve(connection, loan_id, reserve_id)))

    async def ListReserves(self, request: pb.ListReservesRequest, context: ServicerContext) -> pb.ListReservesResponse:
        """Lists the reserves of a loan, or of all loans, in the order of the ids of loan and reserve."""
        wanted, page = filtered_page(request, "ListReserves", ("", ""), of_parent=of_loan)

        def work(connection: Connection) -> pb.ListReservesResponse:
            if request.parent not in EVERY_LOAN:
                get_loan(connection, *id_of("parent", request.parent, "loans"))
            found = list_reserves(connection, wanted, *page.bounds)
            messages, token = page.filled(found, lambda row: (row.loan_id, row.reserve.reserve_id), reserve_message)
            return pb.ListReservesResponse(reserves=messages, next_page_token=token)

        return await self.runner.read(work)
