"""Servicer of DebtorService."""

from __future__ import annotations

from collections.abc import Callable

from grpc.aio import ServicerContext

from collateral_registry.commands.debtors import registry
from collateral_registry.commands.debtors.exposure import debtor_exposure
from collateral_registry.commands.pipeline.settle import settled
from collateral_registry.domain.debtors.debtor import Debtor
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.field_masks import masked
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import read_moment
from collateral_registry.rpc.debtors.exposure_messages import exposure_message
from collateral_registry.rpc.debtors.messages import DEBTOR_MASK, debtor_message, plain_debtor, read_debtor
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.debtors.repository import Cause, StoredDebtor, get_debtor, list_debtors
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import debtor_pb2 as pb, debtor_pb2_grpc


class DebtorServicer(debtor_pb2_grpc.DebtorServiceServicer):
    """Registers debtors, changes and merges them."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def CreateDebtor(self, request: pb.CreateDebtorRequest, context: ServicerContext) -> pb.Debtor:
        """Registers a debtor."""
        read = convert.read_all(
            debtor=lambda: read_debtor(request.debtor, request.debtor_id),
            debtor_id=lambda: checked_id("debtor_id", request.debtor_id),
        )
        debtor: Debtor = read["debtor"]
        work = _answer(lambda write: registry.create_debtor(write, debtor))
        return await self.runner.write(call_of(request, "CreateDebtor", pb.Debtor), work)

    async def GetDebtor(self, request: pb.GetDebtorRequest, context: ServicerContext) -> pb.Debtor:
        """Returns one debtor."""
        (debtor_id,) = id_of("name", request.name, "debtors")
        return await self.runner.read(lambda connection: debtor_message(get_debtor(connection, debtor_id)))

    async def GetDebtorExposure(
        self, request: pb.GetDebtorExposureRequest, context: ServicerContext
    ) -> pb.DebtorExposure:
        """Returns what a debtor owes over the whole book."""
        (debtor_id,) = id_of("name", request.name, "debtors")

        def work(connection: Connection) -> pb.DebtorExposure:
            return exposure_message(debtor_exposure(connection, debtor_id, read_moment(connection, request.as_of)))

        return await self.runner.long_read(work)

    async def ListDebtors(self, request: pb.ListDebtorsRequest, context: ServicerContext) -> pb.ListDebtorsResponse:
        """Lists debtors in the order of their ids."""
        wanted, page = filtered_page(request, "ListDebtors", "")

        def work(connection: Connection) -> pb.ListDebtorsResponse:
            messages, token = page.filled(
                list_debtors(connection, wanted, *page.bounds), lambda row: row.debtor.debtor_id, debtor_message
            )
            return pb.ListDebtorsResponse(debtors=messages, next_page_token=token)

        return await self.runner.read(work)

    async def UpdateDebtor(self, request: pb.UpdateDebtorRequest, context: ServicerContext) -> pb.Debtor:
        """Changes the fields that the mask names."""
        read = convert.read_all(
            name=lambda: id_of("debtor.name", request.debtor.name, "debtors")[0],
            cause=lambda: _read_cause(request, required=False),
        )
        debtor_id, cause = read["name"], read["cause"]

        def changed(debtor: Debtor) -> Debtor:
            message = plain_debtor(debtor)
            masked(request.debtor, message, request.update_mask, DEBTOR_MASK)
            return read_debtor(message, debtor_id)

        work = _answer(lambda write: registry.change_debtor(write, debtor_id, request.debtor.etag, changed, cause))
        return await self.runner.write(call_of(request, "UpdateDebtor", pb.Debtor, cause.actor), work)

    async def MergeDebtors(self, request: pb.MergeDebtorsRequest, context: ServicerContext) -> pb.Debtor:
        """Merges a duplicate into another debtor and returns the duplicate."""
        read = convert.read_all(
            name=lambda: id_of("name", request.name, "debtors")[0],
            into=lambda: id_of("into", request.into, "debtors")[0],
            cause=lambda: _read_cause(request),
        )
        name, into, cause = read["name"], read["into"], read["cause"]
        work = _answer(lambda write: registry.merge_debtors(write, name, into, cause))
        return await self.runner.write(call_of(request, "MergeDebtors", pb.Debtor, cause.actor), work)

    async def UndoDebtorMerge(self, request: pb.UndoDebtorMergeRequest, context: ServicerContext) -> pb.Debtor:
        """Makes a merged duplicate a debtor of its own again."""
        read = convert.read_all(
            name=lambda: id_of("name", request.name, "debtors")[0], cause=lambda: _read_cause(request)
        )
        name, cause = read["name"], read["cause"]
        work = _answer(lambda write: registry.undo_merge(write, name, cause))
        return await self.runner.write(call_of(request, "UndoDebtorMerge", pb.Debtor, cause.actor), work)


def _read_cause(
    request: pb.UpdateDebtorRequest | pb.MergeDebtorsRequest | pb.UndoDebtorMergeRequest, *, required: bool = True
) -> Cause:
    read = convert.read_all(
        actor=lambda: actor_of(request) if required else checked_text("actor", request.actor, required=False),
        note=lambda: checked_text("note", request.note, required=required),
    )
    return Cause(**read)


def _answer(work: Callable[[Write], StoredDebtor]) -> Callable[[Write], pb.Debtor]:
    return lambda write: debtor_message(settled(write, work))
