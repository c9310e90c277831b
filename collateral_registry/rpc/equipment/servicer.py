"""Servicer of EquipmentService, with the conversion of estimates and appraisals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from grpc.aio import ServicerContext

from collateral_registry.commands.equipment import models as commands, reconciliation
from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Overdue
from collateral_registry.domain.shared.names import checked_id, id_of
from collateral_registry.rpc.assets.messages import read_equipment, to_be_quoted
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of, current_caller
from collateral_registry.rpc.common.checks import check_count, ids_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.equipment_fits import Fit, Fits, FitState
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.watchers import Watchers
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.equipment.models import StoredModel, get_model, list_models
from collateral_registry.v1 import asset_pb2, equipment_pb2 as pb, equipment_pb2_grpc
from valuation.equipment.appraisals.reconciliation import AppraisalBasis, AppraiserRecord
from valuation.equipment.flags import words_of
from valuation.equipment.models.estimates import bases_of_estimate
from valuation.errors import InvalidInput

if TYPE_CHECKING:
    from google.type.money_pb2 import Money as MoneyMessage

    from valuation._typing import Float
    from valuation.equipment.models.hedonic import Estimates

MACHINES_LIMIT = 1_000
UPLOAD_SECONDS_LIMIT = 300.0
"""Longest time in which the sales for a fit arrive; a slower upload loses its place."""

FIT_STATES = {
    FitState.RUNNING: pb.EQUIPMENT_FIT_STATE_RUNNING,
    FitState.DONE: pb.EQUIPMENT_FIT_STATE_DONE,
    FitState.FAILED: pb.EQUIPMENT_FIT_STATE_FAILED,
}


class EquipmentServicer(equipment_pb2_grpc.EquipmentServiceServicer):
    """Fits, stores and activates models of machine prices, values machines with them, and records appraisals."""

    def __init__(self, runner: BookRunner, fits: Fits, watchers: Watchers) -> None:
        self.runner = runner
        self.fits = fits
        self.watchers = watchers

    async def FitEquipmentModel(
        self, request_iterator: AsyncIterator[pb.FitEquipmentModelRequest], context: ServicerContext
    ) -> pb.EquipmentFit:
        """Receives comparable sales in chunks, starts to fit a model, and returns without waiting for the fit."""
        requests = _received_in_time(request_iterator)
        first = await anext(requests, None)
        if first is None:
            raise InvalidInput("chunk", "nothing", "comparables")
        author = current_caller().acting_as("")
        with self.fits.upload(author, checked_id("model_id", first.model_id), first.columns) as upload:
            upload.add(first.chunk)
            async for request in requests:
                upload.add(request.chunk)
            return _fit(self.fits.start(upload))

    async def GetEquipmentFit(self, request: pb.GetEquipmentFitRequest, context: ServicerContext) -> pb.EquipmentFit:
        """Returns the progress of a fit that runs or ran in this process."""
        return _fit(self.fits.get(id_of("name", request.name, "equipmentFits")[0]))

    async def WatchEquipmentFit(
        self, request: pb.WatchEquipmentFitRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchEquipmentFitResponse]:
        """Streams the progress of a fit until it ends."""
        with self.watchers.opened("WatchEquipmentFit"):
            async for fit in self.fits.watch(id_of("name", request.name, "equipmentFits")[0]):
                yield pb.WatchEquipmentFitResponse(equipment_fit=_fit(fit))

    async def GetEquipmentModel(
        self, request: pb.GetEquipmentModelRequest, context: ServicerContext
    ) -> pb.EquipmentModel:
        """Returns one model with its model card."""
        (model_id,) = id_of("name", request.name, "equipmentModels")
        return await self.runner.read(lambda connection: _model(get_model(connection, model_id)))

    async def ListEquipmentModels(
        self, request: pb.ListEquipmentModelsRequest, context: ServicerContext
    ) -> pb.ListEquipmentModelsResponse:
        """Lists models, newest first."""
        wanted, page = filtered_page(request, "ListEquipmentModels", NEWEST)

        def work(connection: Connection) -> pb.ListEquipmentModelsResponse:
            messages, token = page.filled(list_models(connection, wanted, *page.bounds), lambda row: row.key, _model)
            return pb.ListEquipmentModelsResponse(equipment_models=messages, next_page_token=token)

        return await self.runner.read(work)

    async def ActivateEquipmentModel(
        self, request: pb.ActivateEquipmentModelRequest, context: ServicerContext
    ) -> pb.EquipmentModel:
        """Activates a model for an asset class, and revalues the machines of the class."""
        (model_id,) = id_of("name", request.name, "equipmentModels")
        return await self.runner.write(
            call_of(request, "ActivateEquipmentModel", pb.EquipmentModel),
            lambda write: _model(commands.activate(write, model_id, request.asset_class)),
        )

    async def AppraiseEquipment(
        self, request: pb.AppraiseEquipmentRequest, context: ServicerContext
    ) -> pb.AppraiseEquipmentResponse:
        """Values registered machines with a model; records nothing."""
        read = convert.read_all(
            model_id=lambda: id_of("equipment_model", request.equipment_model, "equipmentModels")[0],
            asset_ids=lambda: ids_of("names", request.names, "assets", MACHINES_LIMIT),
        )

        def work(connection: Connection) -> pb.AppraiseEquipmentResponse:
            found, currency = commands.appraise_machines(connection, read["model_id"], read["asset_ids"])
            return pb.AppraiseEquipmentResponse(estimates=_estimates(found, currency, list(request.names)))

        return await self.runner.long_read(work)

    async def QuoteEquipment(
        self, request: pb.QuoteEquipmentRequest, context: ServicerContext
    ) -> pb.QuoteEquipmentResponse:
        """Values unregistered machines with a model; records nothing."""
        read = convert.read_all(
            model_id=lambda: id_of("equipment_model", request.equipment_model, "equipmentModels")[0],
            machines=lambda: _read_machines(request.machines),
            on=lambda: convert.read_date("date", request, "date"),
        )
        machines: list[Equipment] = read["machines"]

        def work(connection: Connection) -> pb.QuoteEquipmentResponse:
            found, currency = commands.quote_machines(connection, read["model_id"], machines, read["on"])
            return pb.QuoteEquipmentResponse(estimates=_estimates(found, currency, [""] * len(machines)))

        return await self.runner.long_read(work)

    async def RecordAppraisal(self, request: pb.RecordAppraisalRequest, context: ServicerContext) -> pb.Appraisal:
        """Records an appraisal of a machine by a person."""
        message = request.appraisal
        read = convert.read_all(
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
            on=lambda: convert.required_date("appraisal.date", message, "date"),
            basis=lambda: convert.member("appraisal.basis", AppraisalBasis, message.basis),
            amount=lambda: convert.read_money("appraisal.amount", message.amount),
        )
        asset_id: str = read.pop("asset_id")

        def work(write: Write) -> pb.Appraisal:
            stored = commands.record_appraisal(write, asset_id, message.appraiser, **read)
            return _appraisal(asset_id, commands.ReviewedAppraisal(stored, None, 1.0))

        return await self.runner.write(call_of(request, "RecordAppraisal", pb.Appraisal), work)

    async def ListAppraisals(
        self, request: pb.ListAppraisalsRequest, context: ServicerContext
    ) -> pb.ListAppraisalsResponse:
        """Lists the appraisals of a machine, newest first, each compared with its current value."""
        read = convert.read_all(
            rows=lambda: filtered_page(request, "ListAppraisals", NEWEST),
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
        )
        (wanted, page), asset_id = read["rows"], read["asset_id"]

        def work(connection: Connection) -> pb.ListAppraisalsResponse:
            reviewed, apart = commands.review_appraisals(connection, asset_id, wanted, *page.bounds)
            messages, token = page.filled(reviewed, lambda one: one.stored.key, lambda one: _appraisal(asset_id, one))
            return pb.ListAppraisalsResponse(
                appraisals=messages,
                next_page_token=token,
                too_far_apart=apart,
            )

        return await self.runner.read(work)

    async def ReconcileAppraisals(
        self, request: pb.ReconcileAppraisalsRequest, context: ServicerContext
    ) -> pb.ReconcileAppraisalsResponse:
        """Combines the model value and the appraisals of a machine into one value for each basis; records nothing."""
        (asset_id,) = id_of("name", request.name, "assets")

        def work(connection: Connection) -> pb.ReconcileAppraisalsResponse:
            found = reconciliation.reconcile_machine(connection, asset_id)
            return pb.ReconcileAppraisalsResponse(values=[_reconciled(asset_id, one) for one in found])

        return await self.runner.read(work)

    async def BacktestAppraisers(
        self, request: pb.BacktestAppraisersRequest, context: ServicerContext
    ) -> pb.BacktestAppraisersResponse:
        """Compares recorded appraisals with realised prices for each appraiser; records nothing."""
        check_count("sales", request.sales, MACHINES_LIMIT)
        sales = convert.read_each("sales", request.sales, _sale)

        def work(connection: Connection) -> pb.BacktestAppraisersResponse:
            records, without = reconciliation.backtest(connection, sales)
            return pb.BacktestAppraisersResponse(
                records=[_record(one) for one in records],
                assets_without_appraisal=[f"assets/{asset_id}" for asset_id in without],
            )

        return await self.runner.long_read(work)


async def _received_in_time(
    requests: AsyncIterator[pb.FitEquipmentModelRequest],
) -> AsyncIterator[pb.FitEquipmentModelRequest]:
    """Yields the messages of an upload; raises Overdue if it is not complete within UPLOAD_SECONDS_LIMIT."""
    end = asyncio.get_running_loop().time() + UPLOAD_SECONDS_LIMIT
    try:
        while True:
            async with asyncio.timeout_at(end):
                request = await anext(requests, None)
            if request is None:
                return
            yield request
    except TimeoutError:
        raise Overdue(f"the upload was not complete within {UPLOAD_SECONDS_LIMIT:g} s") from None


def _read_machines(messages: Sequence[asset_pb2.Equipment]) -> list[Equipment]:
    check_count("machines", messages, MACHINES_LIMIT)
    return [_read_machine(index, message) for index, message in enumerate(messages)]


def _read_machine(index: int, message: asset_pb2.Equipment) -> Equipment:
    """Returns a machine of a request; errors name its place in the request."""
    with commands.of_machine(index):
        return read_equipment(to_be_quoted("equipment", message))


def _fit(fit: Fit) -> pb.EquipmentFit:
    return convert.message_of(
        pb.EquipmentFit,
        fit,
        name=f"equipmentFits/{fit.model_id}",
        state=FIT_STATES[fit.state],
        equipment_model=f"equipmentModels/{fit.model_id}" if fit.state is FitState.DONE else "",
    )


def _model(stored: StoredModel) -> pb.EquipmentModel:
    return convert.message_of(
        pb.EquipmentModel,
        stored,
        name=f"equipmentModels/{stored.model_id}",
        currency_code=stored.currency,
        sale_count=stored.sales,
        first_sale_date=convert.calendar_date(date_at(stored.first_day)),
        last_sale_date=convert.calendar_date(date_at(stored.last_day)),
        create_time=convert.timestamp(stored.created_us),
    )


def _estimates(found: Estimates, currency: str, names: list[str]) -> list[pb.EquipmentEstimate]:
    bases, words = bases_of_estimate(found.fmv, found.step), words_of(found.flags)

    def money(amounts: Float, row: int) -> MoneyMessage | None:
        return convert.money_of_float(amounts[row], currency)

    return [
        pb.EquipmentEstimate(
            asset=name,
            fair_market_value=money(found.fmv, row),
            low=money(found.low, row),
            high=money(found.high, row),
            orderly_liquidation_value=money(found.olv, row),
            forced_liquidation_value=money(found.flv, row),
            net_orderly_liquidation_value=money(found.nolv, row),
            basis_of_estimate=bases[row],
            flags=[word for word in words[row].split("|") if word],
        )
        for row, name in enumerate(names)
    ]


def _appraisal(asset_id: str, reviewed: commands.ReviewedAppraisal) -> pb.Appraisal:
    stored = reviewed.stored
    return pb.Appraisal(
        name=f"assets/{asset_id}/appraisals/{stored.key}",
        appraiser=stored.appraiser,
        date=convert.calendar_date(date_at(stored.day)),
        basis=int(stored.basis),
        amount=convert.money(stored.amount_minor, stored.currency),
        band=int(reviewed.band) if reviewed.band else 0,
        weight=convert.ratio(reviewed.weight),
        sequence=stored.seq,
    )


def _reconciled(asset_id: str, one: reconciliation.ReconciledBasis) -> pb.ReconciledValue:
    found = one.found
    return pb.ReconciledValue(
        basis=int(one.basis),
        model_value=convert.money(round(one.model_minor), one.currency),
        reconciled_value=convert.money(round(found.value), one.currency),
        appraisals=[
            pb.ReconciledAppraisal(
                appraisal=_appraisal(asset_id, appraisal), share=convert.ratio(share), expired=expired
            )
            for appraisal, share, expired in zip(one.appraisals, found.shares, found.expired, strict=True)
        ],
        too_far_apart=found.apart,
    )


def _sale(message: pb.RealisedSale) -> reconciliation.Sale:
    read = convert.read_all(
        asset_id=lambda: id_of("asset", message.asset, "assets")[0],
        price=lambda: convert.read_money("price", message.price),
        on=lambda: convert.required_date("date", message, "date"),
        basis=lambda: convert.member("basis", AppraisalBasis, message.basis or int(AppraisalBasis.FMV)),
    )
    return reconciliation.Sale(**read)


def _record(record: AppraiserRecord) -> pb.AppraiserRecord:
    message = pb.AppraiserRecord(appraiser=record.appraiser, sale_count=record.sales, flagged=record.flagged)
    if not np.isnan(record.bias):  # too few sales
        message.bias.CopyFrom(convert.decimal(Decimal(f"{record.bias:.6f}")))
        message.error.CopyFrom(convert.decimal(Decimal(f"{record.error:.6f}")))
    return message
