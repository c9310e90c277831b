"""ValuationService."""

from __future__ import annotations

from collections.abc import Sequence

from grpc.aio import ServicerContext

from collateral_registry.commands.revaluation.runs import start_run
from collateral_registry.commands.valuations.recorded_valuations import recorded_valuation, recorded_valuations
from collateral_registry.commands.valuations.revalue import revalue
from collateral_registry.commands.valuations.value import quote_asset
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import digits_of
from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.assets.messages import read_asset
from collateral_registry.rpc.common.paging import NEWEST, page_of
from collateral_registry.rpc.valuations.messages import valuation_message
from collateral_registry.rpc.valuations.value_batcher import ValueBatcher
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.v1 import valuation_pb2 as pb
from collateral_registry.v1 import valuation_pb2_grpc
from valuation.errors import InvalidInput

VALUE_LIMIT = 1_000
REVALUE_LIMIT = 10_000
QUOTE_ID = "quote"


class ValuationServicer(valuation_pb2_grpc.ValuationServiceServicer):
    """Answers what assets are worth."""

    def __init__(self, runner: BookRunner, runs: RunDriver) -> None:
        """Serves the book behind the calls."""
        self.runner = runner
        self.runs = runs
        self.batcher = ValueBatcher(runner)

    async def ValueAssets(self, request: pb.ValueAssetsRequest, context: ServicerContext) -> pb.ValueAssetsResponse:
        """Values assets from the facts known now."""
        asset_ids = _asset_ids(request.names, VALUE_LIMIT, least=1)
        return await self.batcher.value(asset_ids, _currency(request.currency_code))

    async def QuoteAsset(self, request: pb.QuoteAssetRequest, context: ServicerContext) -> pb.Valuation:
        """Values an asset that is not registered."""
        asset = read_asset(request.asset, QUOTE_ID)
        currency = _currency(request.currency_code)

        def work(connection: Connection) -> pb.Valuation:
            message = valuation_message(quote_asset(connection, asset, currency))
            message.asset = ""
            return message

        return await self.runner.read(work)

    async def GetValuation(self, request: pb.GetValuationRequest, context: ServicerContext) -> pb.Valuation:
        """Returns one recorded valuation."""
        asset_id, valuation = id_of("name", request.name, "assets", "valuations")
        seq, _, currency = valuation.partition("-")
        if not seq.isdigit() or len(seq) > 18 or not currency:
            raise InvalidInput("name", repr(request.name), "assets/{asset}/valuations/{sequence}-{currency}")
        return await self.runner.read(
            lambda connection: valuation_message(recorded_valuation(connection, asset_id, int(seq), currency.upper()))
        )

    async def ListValuations(
        self, request: pb.ListValuationsRequest, context: ServicerContext
    ) -> pb.ListValuationsResponse:
        """Lists recorded valuations."""
        (asset_id,) = id_of("parent", request.parent, "assets")
        page = page_of(request, f"ListValuations {request.parent}", (NEWEST, ""))

        def work(connection: Connection) -> pb.ListValuationsResponse:
            found = recorded_valuations(connection, asset_id, *page.bounds)
            rows, token = page.cut(found, lambda valued: (valued.row["seq"], valued.currency))
            return pb.ListValuationsResponse(valuations=[valuation_message(row) for row in rows], next_page_token=token)

        return await self.runner.read(work)

    async def Revalue(self, request: pb.RevalueRequest, context: ServicerContext) -> pb.RevalueResponse:
        """Values some assets and judges their loans, or waits for a run over the whole book."""
        asset_ids = _asset_ids(request.names, REVALUE_LIMIT, least=0)
        if not asset_ids:
            return await self._revalued_book(request)

        def work(write: Write) -> pb.RevalueResponse:
            done = revalue(write, asset_ids)
            return pb.RevalueResponse(
                sequence=write.seq, valued_count=done.valued, judged_count=done.judged, event_count=done.events
            )

        return await self.runner.write(request, "Revalue", pb.RevalueResponse, work)

    async def _revalued_book(self, request: pb.RevalueRequest) -> pb.RevalueResponse:
        """What a run over the whole book did, once it is published; a retry waits for the same run."""

        def work(write: Write) -> pb.RevalueResponse:
            start_run(write)
            return pb.RevalueResponse(sequence=write.seq)

        started = await self.runner.write(request, "Revalue", pb.RevalueResponse, work)
        run = await self.runs.finished(started.sequence)
        if run.published_seq is None:
            raise Refused("REVALUATION_ABANDONED", f"revaluations/{run.seq} was abandoned for a newer one")
        return pb.RevalueResponse(
            sequence=run.published_seq, valued_count=run.valued, judged_count=run.judged, event_count=run.events
        )


def _asset_ids(names: Sequence[str], limit: int, least: int) -> list[str]:
    if not least <= len(names) <= limit:
        raise InvalidInput("names", f"{len(names)} names", f"{least} to {limit}")
    return [id_of("names", name, "assets")[0] for name in names]


def _currency(code: str) -> str:
    if code:
        digits_of(code)
    return code
