"""Servicer of BusinessDateService."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from grpc.aio import ServicerContext

from collateral_registry.commands.book.business_date import advance_by_request, follow_clock, follows_clock
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.domain.access.callers import SERVICE
from collateral_registry.domain.shared.days import day_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.moments import policy_name
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner, Call
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import business_date_pb2 as pb, business_date_pb2_grpc


class BusinessDateServicer(business_date_pb2_grpc.BusinessDateServiceServicer):
    """Returns and advances the business date, the day for which the book is valued.

    In a book that follows the clock, the server advances the date itself and refuses to advance it on request.
    """

    def __init__(self, runner: BookRunner, runs: RunDriver, today: Callable[[], date]) -> None:
        """Stores the function that returns the clock's date."""
        self.runner = runner
        self.runs = runs
        self.today = today

    async def GetBusinessDate(
        self, request: pb.GetBusinessDateRequest, context: ServicerContext
    ) -> pb.GetBusinessDateResponse:
        """Returns the business date and the newest commit."""

        def work(connection: Connection) -> pb.GetBusinessDateResponse:
            now = moment_of(connection)
            return pb.GetBusinessDateResponse(
                date=convert.day(now.market_day),
                follows_clock=follows_clock(connection),
                sequence=now.seq,
                policy=policy_name(now),
            )

        return await self.runner.read(work)

    async def AdvanceBusinessDate(
        self, request: pb.AdvanceBusinessDateRequest, context: ServicerContext
    ) -> pb.AdvanceBusinessDateResponse:
        """Advances the business date; fails if the date follows the wall clock."""
        to, today = day_of(convert.required_date("date", request, "date")), day_of(self.today())
        call = call_of(request, "AdvanceBusinessDate", pb.AdvanceBusinessDateResponse)
        return await self._move(call, lambda write: advance_by_request(write, to, today, allow_jump=request.allow_jump))

    async def follow_clock(self, *, allow_jump: bool) -> None:
        """Moves to the clock's date and waits until the book is revalued; does nothing if the date is unchanged.

        Raises Refused if the clock's date is earlier than the business date or too far ahead.
        """
        today = day_of(self.today())
        call: Call[pb.AdvanceBusinessDateResponse] = Call("AdvanceBusinessDate", SERVICE)
        await self._move(call, lambda write: follow_clock(write, today, allow_jump=allow_jump))

    async def _move(
        self, call: Call[pb.AdvanceBusinessDateResponse], move: Callable[[Write], bool]
    ) -> pb.AdvanceBusinessDateResponse:
        def work(write: Write) -> pb.AdvanceBusinessDateResponse:
            moved = move(write)
            return pb.AdvanceBusinessDateResponse(
                date=convert.day(write.market_day), sequence=write.seq if moved else 0
            )

        answer = await self.runner.write(call, work, lambda answer: answer.sequence > 0)
        if answer.sequence and call.preview is None:
            answer.sequence = (await self.runs.finished(answer.sequence)).published_seq or answer.sequence
        return answer
