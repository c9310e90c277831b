"""Servicer of ValuationService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.loans.pool_quotes import quote_pool
from collateral_registry.commands.pipeline.stated_assets import QUOTE_ID
from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.commands.valuations.recorded_valuations import recorded_valuation, recorded_valuations
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.commands.valuations.value import quote_asset
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.shared.errors import Refused, located
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.assets.messages import read_quoted
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.checks import check_count, ids_of, number_in_name
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.valuations.messages import quote_message, valuation_message
from collateral_registry.rpc.valuations.pool_messages import pool_message, read_pool
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.value_batcher import ValueBatcher
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import asset_pb2, valuation_pb2 as pb, valuation_pb2_grpc

VALUE_LIMIT = 1_000
POOL_LIMIT = 200
REVALUE_LIMIT = 10_000
VALUATION_NAME = "assets/{asset}/valuations/{sequence}-{currency}"


class ValuationServicer(valuation_pb2_grpc.ValuationServiceServicer):
    """Values assets and returns recorded valuations."""

    def __init__(self, runner: BookRunner, runs: RunDriver) -> None:
        self.runner = runner
        self.runs = runs
        self.batcher = ValueBatcher(runner, valuation_message)

    async def ValueAssets(self, request: pb.ValueAssetsRequest, context: ServicerContext) -> pb.ValueAssetsResponse:
        """Values assets by the newest facts. Calls that arrive together share one snapshot."""
        read = convert.read_all(
            asset_ids=lambda: ids_of("names", request.names, "assets", VALUE_LIMIT),
            currency=lambda: convert.optional_currency(request.currency_code),
        )
        values = await self.batcher.value(read["asset_ids"], read["currency"])
        return pb.ValueAssetsResponse(valuations=values)

    async def QuoteAsset(self, request: pb.QuoteAssetRequest, context: ServicerContext) -> pb.Valuation:
        """Values an asset that is not registered; records nothing."""
        read = convert.read_all(
            asset=lambda: _read_quoted(request.asset),
            currency=lambda: convert.optional_currency(request.currency_code),
        )

        def work(connection: Connection) -> pb.Valuation:
            return quote_message(quote_asset(connection, read["asset"], read["currency"]))

        return await self.runner.read(work)

    async def QuotePool(self, request: pb.QuotePoolRequest, context: ServicerContext) -> pb.QuotePoolResponse:
        """Returns what may be lent on assets together, registered or not; records nothing."""
        check_count("assets", request.assets, POOL_LIMIT)
        read = convert.read_all(
            members=lambda: read_pool(request.assets), currency_code=lambda: digits_of(request.currency_code)
        )

        def work(connection: Connection) -> pb.QuotePoolResponse:
            return pool_message(request, quote_pool(connection, read["members"], request.currency_code))

        return await self.runner.long_read(work)

    async def GetValuation(self, request: pb.GetValuationRequest, context: ServicerContext) -> pb.Valuation:
        """Returns one recorded valuation."""
        asset_id, valuation = id_of("name", request.name, "assets", "valuations")
        number, _, currency = valuation.partition("-")
        seq = number_in_name("name", request.name, number if currency else "", VALUATION_NAME)
        return await self.runner.read(
            lambda connection: valuation_message(recorded_valuation(connection, asset_id, seq, currency.upper()))
        )

    async def ListValuations(
        self, request: pb.ListValuationsRequest, context: ServicerContext
    ) -> pb.ListValuationsResponse:
        """Lists the recorded valuations of an asset, newest first."""
        read = convert.read_all(
            rows=lambda: filtered_page(request, "ListValuations", (NEWEST, "")),
            asset_id=lambda: id_of("parent", request.parent, "assets")[0],
        )
        (wanted, page), asset_id = read["rows"], read["asset_id"]

        def work(connection: Connection) -> pb.ListValuationsResponse:
            found = recorded_valuations(connection, asset_id, wanted, *page.bounds)
            messages, token = page.filled(found, lambda valued: (valued.row["seq"], valued.currency), valuation_message)
            return pb.ListValuationsResponse(valuations=messages, next_page_token=token)

        return await self.runner.read(work)

    async def Revalue(self, request: pb.RevalueRequest, context: ServicerContext) -> pb.RevalueResponse:
        """Revalues the named assets, or the whole book if no asset is named. Judges the loans that depend on them."""
        asset_ids = ids_of("names", request.names, "assets", REVALUE_LIMIT, least=0)
        if not asset_ids:
            return await self._revalued_book(request)

        def work(write: Write) -> pb.RevalueResponse:
            done = revalue(write, asset_ids)
            return pb.RevalueResponse(
                sequence=write.seq, valued_count=done.valued, judged_count=done.judged, event_count=done.events
            )

        return await self.runner.write(call_of(request, "Revalue", pb.RevalueResponse), work)

    async def _revalued_book(self, request: pb.RevalueRequest) -> pb.RevalueResponse:
        """Starts a revaluation run and returns its numbers once it is published.

        A repeated request waits for the same run.
        """

        def work(write: Write) -> pb.RevalueResponse:
            start_run(write)
            return pb.RevalueResponse(sequence=write.seq)

        started = await self.runner.write(call_of(request, "Revalue", pb.RevalueResponse), work)
        if request.validate_only:
            return started
        run = await self.runs.finished(started.sequence)
        if run.published_seq is None:
            raise Refused(
                "REVALUATION_ABANDONED",
                f"revaluations/{run.seq} was abandoned for a newer one: watch the newest of ListRevaluations",
            )
        return pb.RevalueResponse(
            sequence=run.published_seq, valued_count=run.valued, judged_count=run.judged, event_count=run.events
        )


def _read_quoted(message: asset_pb2.Asset) -> Asset:
    """Returns the asset of a quote; errors name its fields from the root, because the request has a currency too."""
    with located("asset"):
        return read_quoted(message, QUOTE_ID)
