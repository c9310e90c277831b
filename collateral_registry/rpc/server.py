"""The gRPC server: services, interceptors, limits, health, reflection, graceful drain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from collateral_registry.domain.stock.partners import Partner
from collateral_registry.rpc.assets.servicer import AssetServicer
from collateral_registry.rpc.book.business_date_servicer import BusinessDateServicer
from collateral_registry.rpc.book.policy_servicer import PolicyServicer
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.equipment.servicer import EquipmentServicer
from collateral_registry.rpc.findings.double_pledge_servicer import DoublePledgeServicer
from collateral_registry.rpc.findings.servicer import FindingServicer
from collateral_registry.rpc.ip.servicer import IpServicer
from collateral_registry.rpc.loans.pickup_servicer import PickupServicer
from collateral_registry.rpc.loans.servicer import LoanServicer
from collateral_registry.rpc.prices.servicer import PriceServicer
from collateral_registry.rpc.reports.breach_servicer import BreachServicer
from collateral_registry.rpc.reports.servicer import ReportServicer
from collateral_registry.rpc.revaluation.servicer import RevaluationServicer
from collateral_registry.rpc.stock.ledger_servicer import StockLedgerServicer
from collateral_registry.rpc.stock.partners import PartnerInterceptor
from collateral_registry.rpc.stock.servicer import StockServicer
from collateral_registry.rpc.stock.warehouse_servicer import WarehouseServicer
from collateral_registry.rpc.valuations.haircut_servicer import HaircutServicer
from collateral_registry.rpc.valuations.servicer import ValuationServicer
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.stock.stock_sync_task import StockSyncTask
from collateral_registry.runtime.stock.writer_process import IntakeProcess
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.v1 import (
    asset_pb2,
    asset_pb2_grpc,
    breach_pb2,
    breach_pb2_grpc,
    business_date_pb2,
    business_date_pb2_grpc,
    double_pledge_pb2,
    double_pledge_pb2_grpc,
    equipment_pb2,
    equipment_pb2_grpc,
    finding_pb2,
    finding_pb2_grpc,
    haircut_pb2,
    haircut_pb2_grpc,
    ip_pb2,
    ip_pb2_grpc,
    loan_pb2,
    loan_pb2_grpc,
    pickup_pb2,
    pickup_pb2_grpc,
    policy_pb2,
    policy_pb2_grpc,
    price_pb2,
    price_pb2_grpc,
    report_pb2,
    report_pb2_grpc,
    revaluation_pb2,
    revaluation_pb2_grpc,
    stock_ledger_pb2,
    stock_ledger_pb2_grpc,
    stock_pb2,
    stock_pb2_grpc,
    valuation_pb2,
    valuation_pb2_grpc,
    warehouse_pb2,
    warehouse_pb2_grpc,
)


@dataclass(frozen=True)
class Limits:
    """What the server takes at most."""

    message_bytes: int
    concurrent_calls: int
    drain_seconds: float
    shares_port: bool


class RpcServer:
    """A server over one book."""

    def __init__(
        self,
        runner: BookRunner,
        runs: RunDriver,
        intake: IntakeProcess,
        limits: Limits,
        partners: Mapping[str, Partner],
        *,
        follows_clock: bool,
    ) -> None:
        """Adds every service; nothing listens yet."""
        self.runner = runner
        self.runs = runs
        self.limits = limits
        self.server = grpc.aio.server(
            interceptors=[ErrorInterceptor(), PartnerInterceptor(partners)],
            options=[
                ("grpc.max_receive_message_length", limits.message_bytes),
                ("grpc.so_reuseport", int(limits.shares_port)),
            ],
            maximum_concurrent_rpcs=limits.concurrent_calls,
        )
        self.breaches = BreachServicer(runner)
        self.reports = ReportServicer(runner)
        self.business_date = BusinessDateServicer(runner, runs, follows_clock=follows_clock)
        self.stock = StockServicer(runner, intake)
        self.take_up = StockSyncTask(runner, self.stock.batcher)
        self.equipment = EquipmentServicer(runner)
        self.health = health.aio.HealthServicer()  # type: ignore[attr-defined] # missing from the stubs
        self._add_services()

    def _add_services(self) -> None:
        asset_pb2_grpc.add_AssetServiceServicer_to_server(AssetServicer(self.runner), self.server)
        price_pb2_grpc.add_PriceServiceServicer_to_server(PriceServicer(self.runner), self.server)
        haircut_pb2_grpc.add_HaircutServiceServicer_to_server(HaircutServicer(self.runner), self.server)
        policy_pb2_grpc.add_PolicyServiceServicer_to_server(PolicyServicer(self.runner, self.runs), self.server)
        valuation_pb2_grpc.add_ValuationServiceServicer_to_server(
            ValuationServicer(self.runner, self.runs), self.server
        )
        loan_pb2_grpc.add_LoanServiceServicer_to_server(LoanServicer(self.runner), self.server)
        pickup_pb2_grpc.add_PickupServiceServicer_to_server(PickupServicer(self.runner), self.server)
        double_pledge_pb2_grpc.add_DoublePledgeServiceServicer_to_server(DoublePledgeServicer(self.runner), self.server)
        equipment_pb2_grpc.add_EquipmentServiceServicer_to_server(self.equipment, self.server)
        ip_pb2_grpc.add_IpServiceServicer_to_server(IpServicer(self.runner), self.server)
        breach_pb2_grpc.add_BreachServiceServicer_to_server(self.breaches, self.server)
        report_pb2_grpc.add_ReportServiceServicer_to_server(self.reports, self.server)
        stock_pb2_grpc.add_StockServiceServicer_to_server(self.stock, self.server)
        stock_ledger_pb2_grpc.add_StockLedgerServiceServicer_to_server(
            StockLedgerServicer(self.runner, self.stock.batcher), self.server
        )
        warehouse_pb2_grpc.add_WarehouseServiceServicer_to_server(WarehouseServicer(self.runner), self.server)
        finding_pb2_grpc.add_FindingServiceServicer_to_server(FindingServicer(self.runner), self.server)
        business_date_pb2_grpc.add_BusinessDateServiceServicer_to_server(self.business_date, self.server)
        revaluation_pb2_grpc.add_RevaluationServiceServicer_to_server(
            RevaluationServicer(self.runner, self.runs), self.server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        reflection.enable_server_reflection(_service_names(), self.server)

    async def start(self, address: str) -> int:
        """Listens at host:port and says it is healthy; returns the port. Raises OSError when the port is taken."""
        port = self.server.add_insecure_port(address)
        if not port:
            raise OSError(f"cannot listen at {address}")
        await self.server.start()
        self.runs.start()
        self.take_up.start()
        for service in _service_names():
            await self.health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        return int(port)

    async def drain(self) -> None:
        """Says it is going, ends watches and pushes, lets calls under way finish, stops."""
        await self.health.enter_graceful_shutdown()
        self.breaches.drain()
        await self.reports.refresher.end()
        self.stock.drain()
        stopping = asyncio.create_task(self.runs.stop())
        await self.server.stop(self.limits.drain_seconds)
        await stopping
        await self.take_up.stop()
        self.equipment.fits.close()
        self.runner.close()


def _service_names() -> Sequence[str]:
    """Full names of our services, with health and reflection."""
    modules = (
        asset_pb2,
        price_pb2,
        haircut_pb2,
        policy_pb2,
        valuation_pb2,
        loan_pb2,
        pickup_pb2,
        double_pledge_pb2,
        equipment_pb2,
        ip_pb2,
        breach_pb2,
        report_pb2,
        revaluation_pb2,
        stock_pb2,
        stock_ledger_pb2,
        warehouse_pb2,
        finding_pb2,
        business_date_pb2,
    )
    own = [service.full_name for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    return [*own, health.SERVICE_NAME, reflection.SERVICE_NAME]
