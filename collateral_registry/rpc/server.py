"""The gRPC server: registration of services, interceptors, limits, health, reflection and graceful shutdown."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.commands.stock.sync_lots import find_pending_lots, sync_pending_lots
from collateral_registry.domain.audit.checkpoints import SigningKey
from collateral_registry.rpc.access.identities import Identities
from collateral_registry.rpc.access.identity import IdentityInterceptor
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.access.rights import RightsInterceptor
from collateral_registry.rpc.assets.servicer import AssetServicer
from collateral_registry.rpc.assignments.servicer import AssignmentServicer
from collateral_registry.rpc.assignments.verification_servicer import VerificationServicer
from collateral_registry.rpc.book.business_date_servicer import BusinessDateServicer
from collateral_registry.rpc.book.policy_servicer import PolicyServicer
from collateral_registry.rpc.book.service_info_servicer import ServiceInfoServicer
from collateral_registry.rpc.borrowing_base.certificate_servicer import CertificateServicer
from collateral_registry.rpc.borrowing_base.servicer import BorrowingBaseServicer
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.debtors.servicer import DebtorServicer
from collateral_registry.rpc.equipment.servicer import EquipmentServicer
from collateral_registry.rpc.findings.double_pledge_servicer import DoublePledgeServicer
from collateral_registry.rpc.findings.servicer import FindingServicer
from collateral_registry.rpc.ip.servicer import IpServicer
from collateral_registry.rpc.limits.admission import AdmissionInterceptor
from collateral_registry.rpc.limits.connections import connection_options
from collateral_registry.rpc.limits.numbers import CallLimits, ConnectionLimits
from collateral_registry.rpc.loans.override_servicer import OverrideServicer
from collateral_registry.rpc.loans.pickup_servicer import PickupServicer
from collateral_registry.rpc.loans.servicer import LoanServicer
from collateral_registry.rpc.monitoring.call_log import CallInterceptor
from collateral_registry.rpc.pools.servicer import ReceivableServicer
from collateral_registry.rpc.prices.servicer import PriceServicer
from collateral_registry.rpc.proposals.servicer import ProposalServicer
from collateral_registry.rpc.receivables.feed_servicer import InvoiceFeedServicer
from collateral_registry.rpc.reports.breach_servicer import BreachServicer
from collateral_registry.rpc.reports.servicer import ReportServicer
from collateral_registry.rpc.revaluation.servicer import RevaluationServicer
from collateral_registry.rpc.stock.ledger_servicer import StockLedgerServicer
from collateral_registry.rpc.stock.servicer import StockServicer
from collateral_registry.rpc.stock.warehouse_servicer import WarehouseServicer
from collateral_registry.rpc.valuations.forecast_servicer import ForecastServicer
from collateral_registry.rpc.valuations.haircut_servicer import HaircutServicer
from collateral_registry.rpc.valuations.servicer import ValuationServicer
from collateral_registry.runtime.checkpoint_task import CheckpointTask
from collateral_registry.runtime.equipment_fits import Fits
from collateral_registry.runtime.feeds.review_task import ReviewTask
from collateral_registry.runtime.feeds.sync_task import Sync, SyncTask
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.health import Health, HealthMonitor, Part
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.watchers import Watchers

DATE_SERVICE = "collateral_registry.v1.BusinessDateService"
FEED_SERVICES = frozenset({"collateral_registry.v1.StockService", "collateral_registry.v1.InvoiceFeedService"})
"""Services that need the writer process."""


@dataclass(frozen=True)
class Limits:
    """Limits of the server: of calls, connections and watchers, and the seconds that a shutdown may last.

    ``model_workers`` processes compute models, each with at most ``model_memory_bytes`` of memory. If ``shares_port``
    is set, several processes may listen on the same port (SO_REUSEPORT). Of successful calls that record nothing, one
    of ``reads_logged_every`` is logged.
    """

    calls: CallLimits
    connections: ConnectionLimits
    drain_seconds: float
    shares_port: bool
    model_workers: int
    model_memory_bytes: int
    reads_logged_every: int
    watchers: int


STOCK_SYNC = Sync("SyncStock", "stock", find_pending_lots, lambda write, lots: sync_pending_lots(write, lots).changes)
"""Applies pending stock movements and counts."""

POOL_SYNC = Sync("SyncPools", "pools", find_pending_pools, sync_pending_pools)
"""Applies changed ledgers of pools."""


class RpcServer:
    """gRPC server of one book."""

    def __init__(
        self,
        runner: BookRunner,
        runs: RunDriver,
        intake: IntakeProcess,
        limits: Limits,
        identities: Reloaded[Identities],
        today: Callable[[], date],
        audit_key: SigningKey | None = None,
        *,
        allow_unsafe_storage: bool = False,
    ) -> None:
        self.runner = runner
        self.runs = runs
        self.limits = limits
        self.server = grpc.aio.server(
            interceptors=[
                CallInterceptor(limits.reads_logged_every),
                AdmissionInterceptor(limits.calls),
                ErrorInterceptor(),
                IdentityInterceptor(identities),
                RightsInterceptor(),
            ],
            options=[
                ("grpc.so_reuseport", int(limits.shares_port)),
                *connection_options(limits.connections, limits.calls.message_limit_bytes),
            ],
        )
        self.watchers = Watchers(limits.watchers)
        self.breaches = BreachServicer(runner, self.watchers)
        self.reports = ReportServicer(runner)
        self.business_date = BusinessDateServicer(runner, runs, today)
        self.stock = StockServicer(runner, intake)
        self.invoices = InvoiceFeedServicer(runner, intake)
        self.syncs: list[SyncTask | ReviewTask | CheckpointTask] = [
            SyncTask(runner, self.stock.batcher.changed, STOCK_SYNC),
            SyncTask(runner, self.invoices.batcher.changed, POOL_SYNC),
            ReviewTask(runner),
            *([] if audit_key is None else [CheckpointTask(runner, audit_key)]),
        ]
        self.models = ModelPool(limits.model_workers, limits.model_memory_bytes)
        self.fits = Fits(runner, limits.model_memory_bytes)
        self.revaluation = RevaluationServicer(runner, runs, self.watchers)
        self.monitor = HealthMonitor(runner, intake, self._publish, allow_unsafe_storage=allow_unsafe_storage)
        self.health = health.aio.HealthServicer()  # type: ignore[attr-defined] # missing from the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        names = [self._register(servicer) for servicer in self._services()]
        self.service_names = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(self.service_names, self.server)

    def _services(self) -> list[object]:
        """Returns the servicer of every service."""
        runner, runs = self.runner, self.runs
        return [
            AssetServicer(runner),
            PriceServicer(runner),
            HaircutServicer(runner, self.models),
            ForecastServicer(runner, self.models),
            PolicyServicer(runner, runs),
            ValuationServicer(runner, runs),
            LoanServicer(runner),
            PickupServicer(runner),
            OverrideServicer(runner),
            ProposalServicer(runner, runs),
            BorrowingBaseServicer(runner),
            CertificateServicer(runner),
            DoublePledgeServicer(runner),
            DebtorServicer(runner),
            AssignmentServicer(runner),
            VerificationServicer(runner),
            EquipmentServicer(runner, self.fits, self.watchers),
            IpServicer(runner),
            self.breaches,
            self.reports,
            self.revaluation,
            self.stock,
            StockLedgerServicer(runner, self.stock.batcher),
            self.invoices,
            WarehouseServicer(runner),
            ReceivableServicer(runner),
            FindingServicer(runner),
            self.business_date,
            ServiceInfoServicer(runner),
        ]

    def _register(self, servicer: object) -> str:
        """Adds a servicer to the server and returns the full name of its service.

        A proto file has exactly one service.
        """
        (base,) = type(servicer).__bases__  # the generated class, in the module of handlers
        getattr(sys.modules[base.__module__], f"add_{base.__name__}_to_server")(servicer, self.server)
        messages = sys.modules[base.__module__.removesuffix("_grpc")]
        (service,) = messages.DESCRIPTOR.services_by_name.values()
        return str(service.full_name)

    def listen(self, address: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listens on host:port or unix:path and returns the port; raises OSError if the address is not available."""
        try:
            if credentials is None:
                return int(self.server.add_insecure_port(address))
            return int(self.server.add_secure_port(address, credentials))
        except RuntimeError:
            text = f"address: got {address}, want a free port of an address of this machine"
            raise OSError(errno.EADDRINUSE, text) from None

    async def start(self) -> None:
        """Starts to answer calls and reports SERVING."""
        await self._publish(self.monitor.health)  # not serving yet; without this, the empty name would be from here on
        await self.server.start()
        self.runs.start()
        for sync in self.syncs:
            sync.start()
        await self.monitor.check()
        self.monitor.start()
        await self._publish(self.monitor.health)

    async def report_business_date(self, cause: str) -> None:
        """Reports why the business date cannot follow the clock; an empty text if it can."""
        self.monitor.health.report(Part.CLOCK, cause)
        await self._publish(self.monitor.health)

    async def _publish(self, health: Health) -> None:
        """Sets the health of every service; the empty name stands for the whole server."""
        answer = health_pb2.HealthCheckResponse
        for service in (*self.service_names, ""):
            causes = health.causes.keys() - ({Part.CLOCK} if service != DATE_SERVICE else set())
            causes -= {Part.INTAKE} if service not in {"", *FEED_SERVICES} else set()
            await self.health.set(service, answer.NOT_SERVING if causes else answer.SERVING)

    async def drain(self) -> None:
        """Reports NOT_SERVING, ends watches and stock streams, lets running calls finish, and stops."""
        await self.health.enter_graceful_shutdown()
        await self.monitor.drain()
        self.breaches.events.drain()
        await self.reports.refresher.end()
        self.stock.streams.drain()
        self.invoices.streams.drain()
        stopping = asyncio.create_task(self.runs.stop())
        await self.server.stop(self.limits.drain_seconds)
        await stopping
        for sync in self.syncs:
            await sync.stop()
        self.fits.close()
        self.models.close()
        self.revaluation.previews.close()
        self.runner.close()
