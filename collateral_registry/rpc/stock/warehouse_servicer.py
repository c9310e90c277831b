"""Servicer of WarehouseService, and the booking of counts that it shares with StockService."""

from __future__ import annotations

from typing import TypeVar

from grpc.aio import ServicerContext

from collateral_registry.commands.stock.counts import reconcile
from collateral_registry.commands.stock.warehouse_score import known_warehouses
from collateral_registry.domain.stock.counts import StockCount
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import actor_of, call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.rpc.common.warehouse_names import warehouse_of
from collateral_registry.rpc.stock.count_messages import (
    counted_lot_message,
    read_count,
    reconciliation_message,
    warehouse_message,
)
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.stock.counts import list_counts
from collateral_registry.store.stock.warehouse_scores import list_warehouses
from collateral_registry.v1 import stock_pb2, warehouse_pb2 as pb, warehouse_pb2_grpc

Response = TypeVar("Response", pb.RecordInspectionResponse, stock_pb2.ReportCountResponse)


async def take_count(
    runner: BookRunner,
    request: pb.RecordInspectionRequest | stock_pb2.ReportCountRequest,
    kind: str,
    response: type[Response],
    count: StockCount,
    actor: str,
) -> Response:
    """Reconciles a count with the book in one transaction and returns the result."""

    def work(write: Write) -> Response:
        reconciliation = reconcile(write, count)
        (warehouse,) = known_warehouses(write.connection, [count.warehouse])
        return response(reconciliation=reconciliation_message(reconciliation, warehouse, write.seq))

    return await runner.write(call_of(request, kind, response, actor), work)


class WarehouseServicer(warehouse_pb2_grpc.WarehouseServiceServicer):
    """Reconciles stock counts with the book and reports how reliable warehouses are."""

    def __init__(self, runner: BookRunner) -> None:
        self.runner = runner

    async def GetWarehouse(self, request: pb.GetWarehouseRequest, context: ServicerContext) -> pb.Warehouse:
        """Returns one warehouse with its track record."""
        name = warehouse_of("name", request.name)

        def work(connection: Connection) -> pb.Warehouse:
            (row,) = known_warehouses(connection, [name])
            return warehouse_message(row)

        return await self.runner.read(work)

    async def ListWarehouses(
        self, request: pb.ListWarehousesRequest, context: ServicerContext
    ) -> pb.ListWarehousesResponse:
        """Lists warehouses in the order of their names."""
        wanted, page = filtered_page(request, "ListWarehouses", "")

        def work(connection: Connection) -> pb.ListWarehousesResponse:
            names, token = page.cut(list_warehouses(connection, wanted, *page.bounds), lambda row: row)
            rows = known_warehouses(connection, names)
            return pb.ListWarehousesResponse(warehouses=[warehouse_message(row) for row in rows], next_page_token=token)

        return await self.runner.read(work)

    async def RecordInspection(
        self, request: pb.RecordInspectionRequest, context: ServicerContext
    ) -> pb.RecordInspectionResponse:
        """Records a count made by the lender or on its behalf."""
        read = convert.read_all(
            warehouse=lambda: warehouse_of("warehouse", request.warehouse),
            actor=lambda: actor_of(request),
        )
        count = await read_count(read["warehouse"], request.count)
        return await take_count(
            self.runner, request, "RecordInspection", pb.RecordInspectionResponse, count, read["actor"]
        )

    async def ListCountedLots(
        self, request: pb.ListCountedLotsRequest, context: ServicerContext
    ) -> pb.ListCountedLotsResponse:
        """Lists the lots counted in a warehouse, newest first."""
        read = convert.read_all(
            rows=lambda: filtered_page(request, "ListCountedLots", NEWEST),
            warehouse=lambda: warehouse_of("parent", request.parent),
        )
        (wanted, page), warehouse = read["rows"], read["warehouse"]

        def work(connection: Connection) -> pb.ListCountedLotsResponse:
            messages, token = page.filled(
                list_counts(connection, warehouse, wanted, *page.bounds), lambda row: row.key, counted_lot_message
            )
            return pb.ListCountedLotsResponse(counted_lots=messages, next_page_token=token)

        return await self.runner.read(work)
