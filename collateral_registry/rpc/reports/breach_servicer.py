"""Servicer of BreachService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports import breach_steps as commands
from collateral_registry.commands.reports.breaches import get_breach
from collateral_registry.commands.reports.cure_tests import CureOffer
from collateral_registry.commands.reports.generate import breach_report
from collateral_registry.domain.loans.breach_steps import CureStatus, DisputeOutcome
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filtered_page, order_of
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.rpc.reports.breach_messages import breach_message, event_message, waiver_of
from collateral_registry.runtime.event_feed import EventFeed
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.watchers import Watchers
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.breaches import START, BreachOrder
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import breach_pb2 as pb, breach_pb2_grpc
from valuation.errors import InvalidInput

Action = (
    pb.AcknowledgeBreachRequest
    | pb.NoteBreachRequest
    | pb.DisputeBreachRequest
    | pb.SettleDisputeRequest
    | pb.GrantGraceRequest
    | pb.WaiveBreachRequest
    | pb.RecordCureRequest
    | pb.EscalateBreachRequest
)


_NOTE_OPTIONAL = (pb.AcknowledgeBreachRequest, pb.GrantGraceRequest, pb.RecordCureRequest)
"""Requests whose note is not required."""


class BreachServicer(breach_pb2_grpc.BreachServiceServicer):
    """Returns breaches of LTV limits, records the decisions of staff on them, and streams their events."""

    def __init__(self, runner: BookRunner, watchers: Watchers) -> None:
        self.runner = runner
        self.watchers = watchers
        self.events = EventFeed(runner, _events_message)

    async def GetBreach(self, request: pb.GetBreachRequest, context: ServicerContext) -> pb.Breach:
        """Returns one breach with its history."""
        loan_id, number = breach_of("name", request.name)
        return await self.runner.read(lambda connection: _breach(connection, loan_id, number))

    async def ListBreaches(self, request: pb.ListBreachesRequest, context: ServicerContext) -> pb.ListBreachesResponse:
        """Lists the breaches of a loan, or of all loans, without their histories."""
        wanted, page = filtered_page(request, "ListBreaches", START, request.order_by, of_parent=of_loan)
        order = order_of(BreachOrder, request.order_by)
        loan_id = "" if request.parent in EVERY_LOAN else id_of("parent", request.parent, "loans")[0]

        def work(connection: Connection) -> pb.ListBreachesResponse:
            if loan_id:
                get_loan(connection, loan_id)
            found = breach_report(connection, moment_of(connection), wanted, order, *page.bounds)
            messages, token = page.filled(
                found, lambda breach: breach.position, lambda row: breach_message(row, with_history=False)
            )
            return pb.ListBreachesResponse(breaches=messages, next_page_token=token)

        return await self.runner.read(work)

    async def AcknowledgeBreach(self, request: pb.AcknowledgeBreachRequest, context: ServicerContext) -> pb.Breach:
        """Records that a member of staff has seen the breach."""
        return await self._act(request, "AcknowledgeBreach", commands.acknowledge)

    async def GrantGrace(self, request: pb.GrantGraceRequest, context: ServicerContext) -> pb.Breach:
        """Moves the deadline of a breach to a later day."""
        return await self._act(
            request,
            "GrantGrace",
            commands.grant_grace,
            deadline=lambda: convert.required_date("deadline_date", request, "deadline_date"),
        )

    async def WaiveBreach(self, request: pb.WaiveBreachRequest, context: ServicerContext) -> pb.Breach:
        """Waives the margin call of a breach until its last day, or until the breach worsens."""
        return await self._act(request, "WaiveBreach", commands.waive, waiver=lambda: waiver_of("", request))

    async def NoteBreach(self, request: pb.NoteBreachRequest, context: ServicerContext) -> pb.Breach:
        """Records a note about the breach."""
        return await self._act(request, "NoteBreach", commands.add_note)

    async def DisputeBreach(self, request: pb.DisputeBreachRequest, context: ServicerContext) -> pb.Breach:
        """Records that the borrower disputes the breach."""
        return await self._act(request, "DisputeBreach", commands.dispute)

    async def SettleDispute(self, request: pb.SettleDisputeRequest, context: ServicerContext) -> pb.Breach:
        """Records how a dispute ended."""
        return await self._act(
            request,
            "SettleDispute",
            commands.settle_dispute,
            outcome=lambda: convert.member("outcome", DisputeOutcome, request.outcome),
        )

    async def RecordCure(self, request: pb.RecordCureRequest, context: ServicerContext) -> pb.Breach:
        """Records cash or collateral, and tests whether it would cure the breach."""
        return await self._act(request, "RecordCure", commands.record_cure, offer=lambda: _offer_of(request))

    async def EscalateBreach(self, request: pb.EscalateBreachRequest, context: ServicerContext) -> pb.Breach:
        """Records that the collateral is to be sold."""
        return await self._act(request, "EscalateBreach", commands.escalate)

    async def WatchBreaches(
        self, request: pb.WatchBreachesRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchBreachesResponse]:
        """Streams the events after a sequence number, then new events as they are committed."""
        loan_id = id_of("loan", request.loan, "loans")[0] if request.loan else None
        with self.watchers.opened("WatchBreaches"):
            async for answer in self.events.watch(request.after_sequence, loan_id):
                yield answer

    async def _act(
        self, request: Action, kind: str, act: Callable[..., None], **further: Callable[[], object]
    ) -> pb.Breach:
        """Acts on a breach; ``further`` reads the other arguments of ``act`` by name."""
        read = convert.read_all(
            breach=lambda: breach_of("name", request.name),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note, required=not isinstance(request, _NOTE_OPTIONAL)),
            **further,
        )
        (loan_id, number), actor = read.pop("breach"), read.pop("actor")

        def work(write: Write) -> pb.Breach:
            act(write, loan_id, number, **read)
            return _breach(write.connection, loan_id, number)

        return await self.runner.write(call_of(request, kind, pb.Breach, actor), work)


def breach_of(field: str, name: str) -> tuple[str, int]:
    """Returns the loan and the number of a breach; raises InvalidInput for a name of any other form."""
    loan_id, number = id_of(field, name, "loans", "breaches")
    return loan_id, number_in_name(field, name, number, "loans/{loan}/breaches/{number}", digits=9)


def _offer_of(request: pb.RecordCureRequest) -> CureOffer:
    """Returns the cash or the asset of a request; raises InvalidInput for every wrong field."""
    if request.WhichOneof("means") is None:
        raise InvalidInput("means", "nothing", "cash or asset")
    read = convert.read_all(
        status=lambda: convert.member("status", CureStatus, request.status),
        cash=lambda: convert.read_optional_money("cash", request, "cash"),
        asset_id=lambda: id_of("asset", request.asset, "assets")[0] if request.asset else "",
    )
    return CureOffer(**read)


def _breach(connection: Connection, loan_id: str, number: int) -> pb.Breach:
    seq, _ = newest_commit(connection)
    return breach_message(get_breach(connection, seq, loan_id, number))


def _events_message(rows: Sequence[Mapping[str, Any]], last: int) -> pb.WatchBreachesResponse:
    return pb.WatchBreachesResponse(events=[event_message(row) for row in rows], last_sequence=last)
