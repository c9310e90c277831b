"""StockLedgerService."""

from __future__ import annotations

from grpc.aio import ServicerContext

from collateral_registry.commands.stock.rejections import book_rejection, dismiss_rejection
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.domain.stock.movements import MovementKind, RejectionReason, RejectionState
from collateral_registry.rpc.common.filtering import conditions_in
from collateral_registry.rpc.common.paging import NEWEST, page_of
from collateral_registry.rpc.stock.ledger_messages import feed_message, lot_message, recorded_message, rejected_message
from collateral_registry.rpc.stock.movement_columns import read_movements
from collateral_registry.runtime.stock.stock_batcher import StockBatcher
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.engine.filters import Condition
from collateral_registry.store.stock.feeds import get_source, list_sources
from collateral_registry.store.stock.ledger import list_lots, list_movements, open_rejections
from collateral_registry.store.stock.rejections import list_rejections
from collateral_registry.v1 import stock_ledger_pb2 as pb
from collateral_registry.v1 import stock_ledger_pb2_grpc
from valuation.errors import InvalidInput

KEY_DIGITS = 18

ENUMS = {
    "kind": {kind.name: int(kind) for kind in MovementKind},
    "state": {state.name: int(state) for state in RejectionState},
    "reason": {reason.name: int(reason) for reason in RejectionReason},
}


class StockLedgerServicer(stock_ledger_pb2_grpc.StockLedgerServiceServicer):
    """Shows what partners pushed, and settles what was not booked."""

    def __init__(self, runner: BookRunner, batcher: StockBatcher) -> None:
        """Reads the book behind the calls; what is booked goes by the desk of the intake."""
        self.runner = runner
        self.batcher = batcher

    async def GetStockFeed(self, request: pb.GetStockFeedRequest, context: ServicerContext) -> pb.StockFeed:
        """Returns one feed."""
        (source_id,) = id_of("name", request.name, "stockFeeds")

        def work(connection: Connection) -> pb.StockFeed:
            source = get_source(connection, source_id)
            return feed_message(source, open_rejections(connection, [source]))

        return await self.runner.read(work)

    async def ListStockFeeds(
        self, request: pb.ListStockFeedsRequest, context: ServicerContext
    ) -> pb.ListStockFeedsResponse:
        """Lists feeds."""
        page = page_of(request, "ListStockFeeds", "")

        def work(connection: Connection) -> pb.ListStockFeedsResponse:
            found, token = page.cut(list_sources(connection, *page.bounds), lambda row: row.source_id)
            rejections = open_rejections(connection, found)
            return pb.ListStockFeedsResponse(
                stock_feeds=[feed_message(one, rejections) for one in found], next_page_token=token
            )

        return await self.runner.read(work)

    async def ListStockLots(
        self, request: pb.ListStockLotsRequest, context: ServicerContext
    ) -> pb.ListStockLotsResponse:
        """Lists lots."""
        wanted = conditions_in(request.filter, {})
        page = page_of(request, f"ListStockLots {request.filter}", 0)

        def work(connection: Connection) -> pb.ListStockLotsResponse:
            found, token = page.cut(list_lots(connection, wanted, *page.bounds), lambda row: row.key)
            return pb.ListStockLotsResponse(stock_lots=[lot_message(one) for one in found], next_page_token=token)

        return await self.runner.read(work)

    async def ListMovements(
        self, request: pb.ListMovementsRequest, context: ServicerContext
    ) -> pb.ListMovementsResponse:
        """Lists movements."""
        wanted = conditions_in(request.filter, ENUMS)
        page = page_of(request, f"ListMovements {request.filter}", NEWEST)

        def work(connection: Connection) -> pb.ListMovementsResponse:
            found, token = page.cut(list_movements(connection, wanted, *page.bounds), lambda row: row.key)
            return pb.ListMovementsResponse(movements=[recorded_message(one) for one in found], next_page_token=token)

        return await self.runner.read(work)

    async def ListRejectedMovements(
        self, request: pb.ListRejectedMovementsRequest, context: ServicerContext
    ) -> pb.ListRejectedMovementsResponse:
        """Lists items that were not booked."""
        wanted = [*conditions_in(request.filter, ENUMS), *_of_feed(request.parent)]
        page = page_of(request, f"ListRejectedMovements {request.parent} {request.filter}", NEWEST)

        def work(connection: Connection) -> pb.ListRejectedMovementsResponse:
            found, token = page.cut(list_rejections(connection, wanted, *page.bounds), lambda row: row.key)
            return pb.ListRejectedMovementsResponse(
                rejected_movements=[rejected_message(one) for one in found], next_page_token=token
            )

        return await self.runner.read(work)

    async def ResolveRejectedMovement(
        self, request: pb.ResolveRejectedMovementRequest, context: ServicerContext
    ) -> pb.RejectedMovement:
        """Settles an item that was not booked."""
        source_id, number = id_of("name", request.name, "stockFeeds", "rejectedMovements")
        if not number.isdigit() or len(number) > KEY_DIGITS:
            raise InvalidInput("name", repr(request.name[:80]), "stockFeeds/{source}/rejectedMovements/{number}")
        actor, note = checked_text("actor", request.actor), checked_text("note", request.note)
        said = {"source_id": source_id, "key": int(number), "actor": actor, "note": note}
        if request.state == pb.REJECTION_STATE_DISMISSED:
            return rejected_message(await self.batcher.run(dismiss_rejection, **said))
        if request.state != pb.REJECTION_STATE_BOOKED:
            raise InvalidInput("state", request.state, "BOOKED or DISMISSED")
        instead = read_movements("movement", [request.movement]) if request.HasField("movement") else None
        return rejected_message(await self.batcher.run(book_rejection, instead=instead, **said))


def _of_feed(parent: str) -> list[Condition]:
    """The feed that a list is of; none for stockFeeds/-."""
    if parent == "stockFeeds/-":
        return []
    (source_id,) = id_of("parent", parent, "stockFeeds")
    return [Condition("feed", checked_id("parent", source_id))]
