"""Servicer of BreachService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from grpc.aio import ServicerContext

from collateral_registry.commands.pipeline.moments import moment_of
from collateral_registry.commands.reports import breaches as commands
from collateral_registry.commands.reports.generate import breach_report
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.rpc.reports.breach_messages import breach_message, event_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.events import events_after, last_event
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import breach_pb2 as pb, breach_pb2_grpc
from valuation.errors import InvalidInput

EVENTS_LIMIT = 500
"""Maximum number of events in one message of a watch."""

OTHERS_COMMIT_SECONDS = 1.0
"""Interval at which a watch looks for commits that other processes make in the same database."""

WATCHERS_LIMIT = 200
"""Maximum number of open watches. Further ones are refused."""

Action = pb.AcknowledgeBreachRequest | pb.GrantGraceRequest | pb.WaiveBreachRequest


class BreachServicer(breach_pb2_grpc.BreachServiceServicer):
    """Returns breaches of LTV limits, records the decisions of staff on them, and streams their events."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner
        self.watchers = 0
        self.draining = asyncio.Event()

    async def GetBreach(self, request: pb.GetBreachRequest, context: ServicerContext) -> pb.Breach:
        """Returns one breach with its history."""
        loan_id, number = _breach_of(request.name)
        return await self.runner.read(lambda connection: _breach(connection, loan_id, number))

    async def ListBreaches(self, request: pb.ListBreachesRequest, context: ServicerContext) -> pb.ListBreachesResponse:
        """Lists the breaches of a loan, or of all loans, newest first and without their histories."""
        wanted, page = filtered_page(request, "ListBreaches", NEWEST, of_parent=of_loan)
        loan_id = "" if request.parent in EVERY_LOAN else id_of("parent", request.parent, "loans")[0]

        def work(connection: Connection) -> pb.ListBreachesResponse:
            if loan_id:
                get_loan(connection, loan_id)
            found = breach_report(connection, moment_of(connection), wanted, *page.bounds)
            rows, token = page.cut(found, lambda breach: breach.first_event)
            messages = [breach_message(row, with_history=False) for row in rows]
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
        """Waives the margin call of a breach until the breach worsens."""
        return await self._act(request, "WaiveBreach", commands.waive)

    async def WatchBreaches(
        self, request: pb.WatchBreachesRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchBreachesResponse]:
        """Streams the events after a sequence number, then new events as they are committed."""
        loan_id = id_of("loan", request.loan, "loans")[0] if request.loan else None
        after = request.after_sequence
        await self.runner.read(lambda connection: _check_start(connection, after, loan_id))
        if self.watchers >= WATCHERS_LIMIT:
            raise Refused("TOO_MANY_WATCHERS", f"watches: got {WATCHERS_LIMIT} open, want fewer; try again later")
        self.watchers += 1
        try:
            async for answer in self._events(after, loan_id):
                yield answer
        finally:
            self.watchers -= 1

    async def _events(self, after: int, loan_id: str | None) -> AsyncIterator[pb.WatchBreachesResponse]:
        """Yields the responses of a watch. The first is sent at once, even if it is empty, to confirm the watch."""
        first = True
        while not self.draining.is_set():
            changed = self.runner.next_change
            rows = await self.runner.read(_page_after(after, loan_id))
            if rows or first:
                after = rows[-1]["event_seq"] if rows else after
                yield pb.WatchBreachesResponse(events=[event_message(row) for row in rows], last_sequence=after)
            first = False
            if len(rows) < EVENTS_LIMIT:
                await self._next_change(changed)

    async def _next_change(self, changed: asyncio.Event) -> None:
        """Waits for the next commit of this process, or until it is time to look for commits of other processes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OTHERS_COMMIT_SECONDS):
                await changed.wait()

    def drain(self) -> None:
        """Ends every watch after its current message."""
        self.draining.set()
        self.runner.wake()

    async def _act(
        self, request: Action, kind: str, act: Callable[..., None], **further: Callable[[], object]
    ) -> pb.Breach:
        """Acts on a breach; ``further`` reads the other arguments of ``act`` by name."""
        read = convert.read_all(
            breach=lambda: _breach_of(request.name),
            actor=lambda: checked_text("actor", request.actor),
            note=lambda: checked_text("note", request.note, required=False),
            **further,
        )
        (loan_id, number), actor = read.pop("breach"), read.pop("actor")

        def work(write: Write) -> pb.Breach:
            act(write, loan_id, number, **read)
            return _breach(write.connection, loan_id, number)

        return await self.runner.write(call_of(request, kind, pb.Breach, actor), work)


def _breach_of(name: str) -> tuple[str, int]:
    loan_id, number = id_of("name", name, "loans", "breaches")
    return loan_id, number_in_name("name", name, number, "loans/{loan}/breaches/{number}", digits=9)


def _breach(connection: Connection, loan_id: str, number: int) -> pb.Breach:
    seq, _ = newest_commit(connection)
    return breach_message(commands.get_breach(connection, seq, loan_id, number))


def _page_after(after: int, loan_id: str | None) -> Callable[[Connection], list[dict[str, Any]]]:
    return lambda connection: events_after(connection, after, loan_id, EVENTS_LIMIT)


def _check_start(connection: Connection, after: int, loan_id: str | None) -> None:
    newest = last_event(connection)
    if not 0 <= after <= newest:
        raise InvalidInput("after_sequence", after, f"0 to {newest}, the newest event")
    if loan_id is not None:
        get_loan(connection, loan_id)
