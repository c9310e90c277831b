"""Servicer of BusinessDateService."""

from __future__ import annotations

from datetime import date

from grpc.aio import ServicerContext

from collateral_registry.commands.book.business_date import advance
from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.moments import policy_name
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import business_date_pb2 as pb, business_date_pb2_grpc


class BusinessDateServicer(business_date_pb2_grpc.BusinessDateServiceServicer):
    """Returns and advances the business date, the day for which the book is valued.

    If ``follows_clock`` is set, the server advances the date itself and refuses to advance it on request.
    """

    def __init__(self, runner: BookRunner, runs: RunDriver, *, follows_clock: bool) -> None:
        self.runner = runner
        self.runs = runs
        self.follows_clock = follows_clock

    async def GetBusinessDate(
        self, request: pb.GetBusinessDateRequest, context: ServicerContext
    ) -> pb.GetBusinessDateResponse:
        """Returns the business date and the newest commit."""

        def work(connection: Connection) -> pb.GetBusinessDateResponse:
            now = moment_of(connection)
            return pb.GetBusinessDateResponse(
                date=convert.day(now.market_day),
                follows_clock=self.follows_clock,
                sequence=now.seq,
                policy=policy_name(now),
            )

        return await self.runner.read(work)

    async def AdvanceBusinessDate(
        self, request: pb.AdvanceBusinessDateRequest, context: ServicerContext
    ) -> pb.AdvanceBusinessDateResponse:
        """Advances the business date; fails if the date follows the wall clock."""
        if self.follows_clock:
            raise Refused(
                "FOLLOWS_CLOCK",
                "the business date follows the wall clock: start the server with --business-date to move it by hand",
            )
        return await self._move(request)

    async def move_to(self, to: date) -> pb.AdvanceBusinessDateResponse:
        """Advances the business date and waits until the book is revalued; does nothing if the date is unchanged."""
        return await self._move(pb.AdvanceBusinessDateRequest(date=convert.calendar_date(to)))

    async def _move(self, request: pb.AdvanceBusinessDateRequest) -> pb.AdvanceBusinessDateResponse:
        to = convert.required_date("date", request, "date")

        def work(write: Write) -> pb.AdvanceBusinessDateResponse:
            moved = advance(write, day_of(to))
            return pb.AdvanceBusinessDateResponse(
                date=convert.day(write.market_day), sequence=write.seq if moved else 0
            )

        answer = await self.runner.write(
            call_of(request, "AdvanceBusinessDate", pb.AdvanceBusinessDateResponse),
            work,
            lambda answer: answer.sequence > 0,
        )
        if answer.sequence and not request.validate_only:
            answer.sequence = (await self.runs.finished(answer.sequence)).published_seq or answer.sequence
        return answer
