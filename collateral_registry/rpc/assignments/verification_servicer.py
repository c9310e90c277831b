"""Servicer of VerificationService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.assignments import agreement, verification
from collateral_registry.commands.pipeline.settle import settled
from collateral_registry.domain.assignments.verification import SEED_LIMIT
from collateral_registry.domain.assignments.verification_targets import TARGETS, TARGETS_LIMIT
from collateral_registry.domain.shared.money import Money
from collateral_registry.domain.shared.names import checked_id, id_of
from collateral_registry.rpc.assignments.servicer import of_asset
from collateral_registry.rpc.assignments.verification_messages import (
    closing_message,
    read_answers,
    read_confidence,
    verification_message,
)
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.findings.messages import finding_message
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.assignments.agreement import list_closings
from collateral_registry.store.assignments.verifications import get_verification, list_verifications
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import verification_pb2 as pb, verification_pb2_grpc
from valuation.errors import InvalidInput


class VerificationServicer(verification_pb2_grpc.VerificationServiceServicer):
    """Verifies the ledgers of pools with debtors, collection account and closing amounts."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def PlanVerification(self, request: pb.PlanVerificationRequest, context: ServicerContext) -> pb.Verification:
        """Samples the open invoices of a pool."""
        plan = request.verification
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            verification_id=lambda: checked_id("verification_id", request.verification_id),
            tolerable=lambda: _read_tolerable(plan),
            confidence_ppm=lambda: read_confidence(plan),
            seed=lambda: _read_seed(plan.seed),
            targets=lambda: _read_targets(plan),
            actor=lambda: actor_of(request),
        )

        def work(write: Write) -> pb.Verification:
            stored = settled(write, lambda write: verification.plan_verification(write, **read))
            return verification_message(stored)

        return await self.runner.write(call_of(request, "PlanVerification", pb.Verification, read["actor"]), work)

    async def RecordVerification(
        self, request: pb.RecordVerificationRequest, context: ServicerContext
    ) -> pb.Verification:
        """Records answers of debtors."""
        read = convert.read_all(
            names=lambda: id_of("name", request.name, "assets", "verifications"),
            answers=lambda: read_answers(request.answers),
            actor=lambda: actor_of(request),
        )
        (asset_id, verification_id), answers, actor = read["names"], read["answers"], read["actor"]

        def work(write: Write) -> pb.Verification:
            stored = settled(
                write, lambda write: verification.record_answers(write, asset_id, verification_id, answers, actor)
            )
            return verification_message(stored)

        return await self.runner.write(call_of(request, "RecordVerification", pb.Verification, actor), work)

    async def GetVerification(self, request: pb.GetVerificationRequest, context: ServicerContext) -> pb.Verification:
        """Returns one verification."""
        asset_id, verification_id = id_of("name", request.name, "assets", "verifications")
        return await self.runner.read(
            lambda connection: verification_message(get_verification(connection, asset_id, verification_id))
        )

    async def ListVerifications(
        self, request: pb.ListVerificationsRequest, context: ServicerContext
    ) -> pb.ListVerificationsResponse:
        """Lists verifications, newest first, without their sampled invoices."""
        wanted, page = filtered_page(request, "ListVerifications", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListVerificationsResponse:
            messages, token = page.filled(
                list_verifications(connection, wanted, *page.bounds),
                lambda row: row.key,
                lambda row: verification_message(row, with_invoices=False),
            )
            return pb.ListVerificationsResponse(verifications=messages, next_page_token=token)

        return await self.runner.read(work)

    async def RecordClosing(self, request: pb.RecordClosingRequest, context: ServicerContext) -> pb.Closing:
        """Records the closing amount of a day."""
        message = request.closing
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            day=lambda: convert.required_date("closing.date", message, "date"),
            amount=lambda: _read_amount(message),
            actor=lambda: actor_of(request),
        )

        def work(write: Write) -> pb.Closing:
            return closing_message(settled(write, lambda write: agreement.record_closing(write, **read)))

        return await self.runner.write(call_of(request, "RecordClosing", pb.Closing, read["actor"]), work)

    async def ListClosings(self, request: pb.ListClosingsRequest, context: ServicerContext) -> pb.ListClosingsResponse:
        """Lists closing amounts, most recently recorded first."""
        wanted, page = filtered_page(request, "ListClosings", NEWEST, of_parent=of_asset)

        def work(connection: Connection) -> pb.ListClosingsResponse:
            messages, token = page.filled(
                list_closings(connection, wanted, *page.bounds), lambda row: row.key, closing_message
            )
            return pb.ListClosingsResponse(closings=messages, next_page_token=token)

        return await self.runner.read(work)

    async def CheckLedger(self, request: pb.CheckLedgerRequest, context: ServicerContext) -> pb.CheckLedgerResponse:
        """Compares a ledger with the collection account and the newest closing amount."""
        read = convert.read_all(
            asset_id=lambda: id_of("name", request.name, "assets")[0],
            actor=lambda: actor_of(request),
        )
        asset_id, actor = read["asset_id"], read["actor"]

        def work(write: Write) -> pb.CheckLedgerResponse:
            done = settled(write, lambda write: agreement.check_ledger(write, asset_id, actor))
            return pb.CheckLedgerResponse(
                opened_findings=map(finding_message, done.opened),
                resolved_findings=map(finding_message, done.resolved),
                closing=None if done.closing is None else closing_message(done.closing),
                sequence=write.seq,
            )

        return await self.runner.write(call_of(request, "CheckLedger", pb.CheckLedgerResponse, actor), work)


def _read_seed(seed: int) -> int:
    if not 0 <= seed < SEED_LIMIT:
        raise InvalidInput("verification.seed", seed, "0 or more and less than 2^53")
    return seed


def _read_targets(plan: pb.Verification) -> int:
    if not plan.HasField("target_count"):
        return TARGETS
    if not 0 <= plan.target_count <= TARGETS_LIMIT:
        raise InvalidInput("verification.target_count", plan.target_count, f"0 to {TARGETS_LIMIT}")
    return plan.target_count


def _read_tolerable(plan: pb.Verification) -> Money | None:
    amount = convert.read_optional_money("tolerable_amount", plan, "tolerable_amount")
    if amount is not None and not amount.minor:
        raise InvalidInput("verification.tolerable_amount", amount.major, "more than 0")
    return amount


def _read_amount(message: pb.Closing) -> Money:
    amount = convert.read_optional_money("closing.closing_amount", message, "closing_amount")
    if amount is None:
        raise InvalidInput("closing.closing_amount", "nothing", "an amount")
    return amount
