"""Servicer of DisposalService."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from grpc.aio import ServicerContext

from collateral_registry.commands.disposals import disposals as commands
from collateral_registry.domain.disposals.disposals import DisposalCause
from collateral_registry.domain.disposals.realisation import realisation_tests
from collateral_registry.domain.disposals.results import result_of
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import market_date, read_moment
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.disposals.messages import (
    Stated,
    disposal_message,
    read_claim,
    read_expected,
    read_proceeds,
    realisation_message,
)
from collateral_registry.rpc.loans.pickup_servicer import EVERY_LOAN, of_loan
from collateral_registry.rpc.reports.breach_servicer import breach_of
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.disposals.repository import (
    StoredDisposal,
    disposals_at,
    get_disposal,
    list_disposals,
)
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.repository import get_loan
from collateral_registry.v1 import disposal_pb2 as pb, disposal_pb2_grpc
from valuation.errors import InvalidInput

Step = pb.RecordClaimRequest | pb.RecordProceedsRequest | pb.CloseDisposalRequest


class DisposalServicer(disposal_pb2_grpc.DisposalServiceServicer):
    """Records sales of collateral, and compares what they bring with what was estimated."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def OpenDisposal(self, request: pb.OpenDisposalRequest, context: ServicerContext) -> pb.Disposal:
        """Opens a disposal, which freezes what was owed and estimated at the default."""
        read = convert.read_all(
            parent=lambda: id_of("parent", request.parent, "loans"),
            disposal_id=lambda: checked_id("disposal_id", request.disposal_id),
            note=lambda: checked_text("note", request.note),
            actor=lambda: actor_of(request),
            stated=lambda: _read_disposal(request.disposal),
            expected=lambda: read_expected("disposal.expected", request.disposal),
        )
        (loan_id,) = read["parent"]
        stated = read["stated"]

        def work(write: Write) -> pb.Disposal:
            currency = get_loan(write.connection, loan_id).loan.currency
            new = commands.NewDisposal(
                loan_id=loan_id,
                disposal_id=read["disposal_id"],
                breach_number=_breach_number(stated["breach"], loan_id),
                default=stated["default"],
                cause=stated["cause"],
                discount_rate=stated["rate"],
                asset_ids=stated["assets"],
                expected=read["expected"].in_currency(currency),
            )
            return _message(write.connection, commands.open_disposal(write, new, read["note"]))

        return await self.runner.write(call_of(request, "OpenDisposal", pb.Disposal, read["actor"]), work)

    async def RecordClaim(self, request: pb.RecordClaimRequest, context: ServicerContext) -> pb.Disposal:
        """Records a claim in court or against an insurer or guarantor."""
        return await self._take(
            request,
            "RecordClaim",
            commands.record_claim,
            claim=lambda: read_claim(request),
            day=lambda: convert.required_date("date", request, "date"),
        )

    async def RecordProceeds(self, request: pb.RecordProceedsRequest, context: ServicerContext) -> pb.Disposal:
        """Records what a sale, a collection or a payout brought and cost."""
        return await self._take(
            request,
            "RecordProceeds",
            commands.record_proceeds,
            proceeds=lambda: read_proceeds(request.proceeds),
            expected=lambda: read_expected("expected", request),
        )

    async def CloseDisposal(self, request: pb.CloseDisposalRequest, context: ServicerContext) -> pb.Disposal:
        """Closes a disposal."""
        return await self._take(request, "CloseDisposal", commands.close_disposal)

    async def GetDisposal(self, request: pb.GetDisposalRequest, context: ServicerContext) -> pb.Disposal:
        """Returns one disposal with its steps."""
        loan_id, disposal_id = id_of("name", request.name, "loans", "disposals")
        return await self.runner.read(
            lambda connection: _message(connection, get_disposal(connection, loan_id, disposal_id))
        )

    async def ListDisposals(
        self, request: pb.ListDisposalsRequest, context: ServicerContext
    ) -> pb.ListDisposalsResponse:
        """Lists the disposals of a loan, or of all loans, newest first and without their steps."""
        wanted, page = filtered_page(request, "ListDisposals", NEWEST, of_parent=of_loan)

        def work(connection: Connection) -> pb.ListDisposalsResponse:
            if request.parent not in EVERY_LOAN:
                get_loan(connection, id_of("parent", request.parent, "loans")[0])
            rows, token = page.cut(list_disposals(connection, wanted, *page.bounds), lambda row: row.key)
            messages = [_message(connection, row, with_entries=False) for row in rows]
            return pb.ListDisposalsResponse(disposals=messages, next_page_token=token)

        return await self.runner.read(work)

    async def GetRealisationTest(
        self, request: pb.GetRealisationTestRequest, context: ServicerContext
    ) -> pb.RealisationTest:
        """Tests per class whether collateral brings its value, and whether haircuts held, at a moment."""

        def work(connection: Connection) -> pb.RealisationTest:
            moment = read_moment(connection, request.as_of)
            results = [
                item
                for stored in disposals_at(connection, moment.seq)
                for item in result_of(stored.disposal, stored.state, stored.entries).items
            ]
            total, classes = realisation_tests(results)
            return pb.RealisationTest(
                sequence=moment.seq,
                market_date=market_date(moment),
                total=realisation_message(total),
                classes=map(realisation_message, classes),
            )

        return await self.runner.long_read(work)

    async def _take(
        self, request: Step, kind: str, take: Callable[..., StoredDisposal], **further: Callable[[], object]
    ) -> pb.Disposal:
        """Takes a step of a disposal; ``further`` reads the other arguments of ``take`` by name."""
        read = convert.read_all(
            ids=lambda: id_of("name", request.name, "loans", "disposals"),
            actor=lambda: actor_of(request),
            note=lambda: checked_text("note", request.note, required=isinstance(request, pb.CloseDisposalRequest)),
            **further,
        )
        (loan_id, disposal_id), actor = read.pop("ids"), read.pop("actor")

        def work(write: Write) -> pb.Disposal:
            currency = get_loan(write.connection, loan_id).loan.currency
            stated = {name: one.in_currency(currency) if isinstance(one, Stated) else one for name, one in read.items()}
            return _message(write.connection, take(write, loan_id, disposal_id, **stated))

        return await self.runner.write(call_of(request, kind, pb.Disposal, actor), work)


def _read_disposal(message: pb.Disposal) -> dict[str, Any]:
    """Returns what a request states of a new disposal; raises InvalidInput for every wrong field."""
    return convert.read_all(
        default=lambda: convert.required_date("disposal.default_date", message, "default_date"),
        cause=lambda: convert.member("disposal.cause", DisposalCause, message.cause),
        rate=lambda: _rate(message),
        breach=lambda: breach_of("disposal.breach", message.breach) if message.breach else None,
        assets=lambda: [id_of(f"disposal.assets[{at}]", name, "assets")[0] for at, name in enumerate(message.assets)],
    )


def _rate(message: pb.Disposal) -> Decimal:
    rate = convert.read_decimal("disposal.discount_rate", message.discount_rate)
    if not 0 <= rate <= 1:
        raise InvalidInput("disposal.discount_rate", rate, "0 to 1")
    return rate


def _breach_number(breach: tuple[str, int] | None, loan_id: str) -> int:
    if breach is None:
        return 0
    of, number = breach
    if of != loan_id:
        raise InvalidInput("disposal.breach", f"loans/{of}/breaches/{number}", f"a breach of loans/{loan_id}")
    return number


def _message(connection: Connection, stored: StoredDisposal, *, with_entries: bool = True) -> pb.Disposal:
    return disposal_message(stored, commands.pledged_assets(connection, stored.loan_key), with_entries=with_entries)
