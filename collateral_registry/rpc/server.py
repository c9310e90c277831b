"""The gRPC server: registration of services, interceptors, limits, health, reflection and graceful shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

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
from collateral_registry.rpc.loans.override_servicer import OverrideServicer
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
    override_pb2,
    override_pb2_grpc,
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
    """Limits of the server: bytes of a request message, concurrent calls, and seconds that a shutdown may last.

    With ``shares_port`` several processes may listen at the same port (SO_REUSEPORT).
    """

    message_bytes: int
    concurrent_calls: int
    drain_seconds: float
    shares_port: bool


class RpcServer:
    """gRPC server of one book."""

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
        self.stock_sync = StockSyncTask(runner, self.stock.batcher)
        self.equipment = EquipmentServicer(runner)
        self.health = health.aio.HealthServicer()  # type: ignore[attr-defined] # missing from the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        names = [self._register(*service) for service in self._services()]
        self.service_names = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(self.service_names, self.server)

    def _services(self) -> list[tuple[ModuleType, ModuleType, object]]:
        """Returns every service: its generated modules of messages and of handlers, and its servicer."""
        runner, runs = self.runner, self.runs
        return [
            (asset_pb2, asset_pb2_grpc, AssetServicer(runner)),
            (price_pb2, price_pb2_grpc, PriceServicer(runner)),
            (haircut_pb2, haircut_pb2_grpc, HaircutServicer(runner)),
            (policy_pb2, policy_pb2_grpc, PolicyServicer(runner, runs)),
            (valuation_pb2, valuation_pb2_grpc, ValuationServicer(runner, runs)),
            (loan_pb2, loan_pb2_grpc, LoanServicer(runner)),
            (pickup_pb2, pickup_pb2_grpc, PickupServicer(runner)),
            (override_pb2, override_pb2_grpc, OverrideServicer(runner)),
            (double_pledge_pb2, double_pledge_pb2_grpc, DoublePledgeServicer(runner)),
            (equipment_pb2, equipment_pb2_grpc, self.equipment),
            (ip_pb2, ip_pb2_grpc, IpServicer(runner)),
            (breach_pb2, breach_pb2_grpc, self.breaches),
            (report_pb2, report_pb2_grpc, self.reports),
            (revaluation_pb2, revaluation_pb2_grpc, RevaluationServicer(runner, runs)),
            (stock_pb2, stock_pb2_grpc, self.stock),
            (stock_ledger_pb2, stock_ledger_pb2_grpc, StockLedgerServicer(runner, self.stock.batcher)),
            (warehouse_pb2, warehouse_pb2_grpc, WarehouseServicer(runner)),
            (finding_pb2, finding_pb2_grpc, FindingServicer(runner)),
            (business_date_pb2, business_date_pb2_grpc, self.business_date),
        ]

    def _register(self, messages: ModuleType, handlers: ModuleType, servicer: object) -> str:
        """Adds a servicer to the server and returns the full name of its service, the only one of its proto file."""
        (service,) = messages.DESCRIPTOR.services_by_name.values()
        add_to_server = getattr(handlers, f"add_{service.name}Servicer_to_server")
        add_to_server(servicer, self.server)
        return str(service.full_name)

    async def start(self, address: str) -> int:
        """Listens at host:port, reports SERVING and returns the port. Raises OSError if the port is not available."""
        port = self.server.add_insecure_port(address)
        if not port:
            raise OSError(f"cannot listen at {address}")
        await self.server.start()
        self.runs.start()
        self.stock_sync.start()
        for service in (*self.service_names, ""):  # the empty name stands for the whole server
            await self.health.set(service, health_pb2.HealthCheckResponse.SERVING)
        return int(port)

    async def drain(self) -> None:
        """Reports NOT_SERVING, ends watches and stock streams, lets running calls finish, and stops."""
        await self.health.enter_graceful_shutdown()
        self.breaches.drain()
        await self.reports.refresher.end()
        self.stock.drain()
        stopping = asyncio.create_task(self.runs.stop())
        await self.server.stop(self.limits.drain_seconds)
        await stopping
        await self.stock_sync.stop()
        self.equipment.fits.close()
        self.runner.close()
