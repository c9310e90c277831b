"""The services of one book, with the tasks that keep it current and the state of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from collateral_registry.commands.receivables.sync_pools import find_pending_pools, sync_pending_pools
from collateral_registry.commands.reports.generate import LtvReports
from collateral_registry.commands.stock.sync_lots import find_pending_lots, sync_pending_lots
from collateral_registry.domain.audit.checkpoints import SigningKey
from collateral_registry.domain.shared.errors import StoreUnavailable
from collateral_registry.rpc.assets.servicer import AssetServicer
from collateral_registry.rpc.assignments.servicer import AssignmentServicer
from collateral_registry.rpc.assignments.verification_servicer import VerificationServicer
from collateral_registry.rpc.audit.servicer import AuditServicer
from collateral_registry.rpc.book.business_date_servicer import BusinessDateServicer
from collateral_registry.rpc.book.policy_servicer import PolicyServicer
from collateral_registry.rpc.book.service_info_servicer import ServiceInfoServicer
from collateral_registry.rpc.borrowing_base.certificate_servicer import CertificateServicer
from collateral_registry.rpc.borrowing_base.servicer import BorrowingBaseServicer
from collateral_registry.rpc.debtors.servicer import DebtorServicer
from collateral_registry.rpc.disposals.servicer import DisposalServicer
from collateral_registry.rpc.equipment.servicer import EquipmentServicer
from collateral_registry.rpc.findings.double_pledge_servicer import DoublePledgeServicer
from collateral_registry.rpc.findings.servicer import FindingServicer
from collateral_registry.rpc.ip.servicer import IpServicer
from collateral_registry.rpc.loans.override_servicer import OverrideServicer
from collateral_registry.rpc.loans.pickup_servicer import PickupServicer
from collateral_registry.rpc.loans.servicer import LoanServicer
from collateral_registry.rpc.pools.servicer import ReceivableServicer
from collateral_registry.rpc.prices.servicer import PriceServicer
from collateral_registry.rpc.proposals.servicer import ProposalServicer
from collateral_registry.rpc.receivables.feed_servicer import InvoiceFeedServicer
from collateral_registry.rpc.reports.breach_servicer import BreachServicer
from collateral_registry.rpc.reports.concentration_servicer import ConcentrationServicer
from collateral_registry.rpc.reports.difference_servicer import DifferenceServicer
from collateral_registry.rpc.reports.facet_servicer import FacetServicer
from collateral_registry.rpc.reports.history_servicer import HistoryServicer
from collateral_registry.rpc.reports.servicer import ReportServicer
from collateral_registry.rpc.revaluation.servicer import RevaluationServicer
from collateral_registry.rpc.saved_views.servicer import SavedViewServicer
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
from collateral_registry.runtime.health import Health, HealthMonitor
from collateral_registry.runtime.model_work.pool import ModelPool
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.runtime.watchers import Watchers

STOCK_SYNC = Sync("SyncStock", "stock", find_pending_lots, lambda write, lots: sync_pending_lots(write, lots).changes)
"""Applies pending stock movements and counts."""

POOL_SYNC = Sync("SyncPools", "pools", find_pending_pools, sync_pending_pools)
"""Applies changed ledgers of pools."""


@dataclass(frozen=True)
class BookLimits:
    """Limits of one book: its open watchers, and the processes that compute its models, with the memory of each."""

    watchers: int
    model_workers: int
    model_memory_bytes: int


class BookServices:
    """The servicers of one book, and what they share. No two books share anything here."""

    def __init__(
        self,
        runner: BookRunner,
        runs: RunDriver,
        intake: IntakeProcess,
        limits: BookLimits,
        today: Callable[[], date],
        audit_key: SigningKey | None,
        lender: str,
        *,
        allow_unsafe_storage: bool,
    ) -> None:
        """Stores the parts of a book; ``lender`` is the label of its lender."""
        self.runner = runner
        self.runs = runs
        self.monitor = HealthMonitor(runner, intake, allow_unsafe_storage=allow_unsafe_storage)
        self.business_date = BusinessDateServicer(runner, runs, today)
        watchers = Watchers(limits.watchers)
        self._breaches = BreachServicer(runner, watchers)
        self._ltv = LtvReports()
        self._reports = ReportServicer(runner, self._ltv)
        self._history = HistoryServicer(runner)
        self._stock = StockServicer(runner, intake)
        self._invoices = InvoiceFeedServicer(runner, intake)
        self._syncs: list[SyncTask | ReviewTask | CheckpointTask] = [
            SyncTask(runner, self._stock.batcher.changed, STOCK_SYNC),
            SyncTask(runner, self._invoices.batcher.changed, POOL_SYNC),
            ReviewTask(runner),
            *([] if audit_key is None else [CheckpointTask(runner, audit_key, lender)]),
        ]
        self._models = ModelPool(limits.model_workers, limits.model_memory_bytes)
        self._fits = Fits(runner, limits.model_memory_bytes)
        self._revaluation = RevaluationServicer(runner, runs, watchers)
        self._is_open = False
        self._stopping: asyncio.Task[None] | None = None
        self.servicers = self._services(watchers)

    def _services(self, watchers: Watchers) -> list[object]:
        """Returns the servicer of every service."""
        runner, runs = self.runner, self.runs
        return [
            AssetServicer(runner),
            AuditServicer(runner),
            PriceServicer(runner),
            HaircutServicer(runner, self._models),
            ForecastServicer(runner, self._models),
            PolicyServicer(runner, runs),
            ValuationServicer(runner, runs),
            LoanServicer(runner),
            PickupServicer(runner),
            OverrideServicer(runner),
            ProposalServicer(runner, runs),
            SavedViewServicer(runner),
            BorrowingBaseServicer(runner),
            CertificateServicer(runner),
            DoublePledgeServicer(runner),
            DebtorServicer(runner),
            DisposalServicer(runner),
            AssignmentServicer(runner),
            VerificationServicer(runner),
            EquipmentServicer(runner, self._fits, watchers),
            IpServicer(runner),
            self._breaches,
            self._reports,
            self._history,
            DifferenceServicer(runner, self._ltv),
            FacetServicer(runner, self._ltv, self._reports.refresher),
            ConcentrationServicer(runner, self._ltv, self._reports.refresher),
            self._revaluation,
            self._stock,
            StockLedgerServicer(runner, self._stock.batcher),
            self._invoices,
            WarehouseServicer(runner),
            ReceivableServicer(runner),
            FindingServicer(runner),
            self.business_date,
            ServiceInfoServicer(runner),
        ]

    @property
    def health(self) -> Health:
        """The state of the parts of the book."""
        return self.monitor.health

    def check_open(self) -> None:
        """Raises StoreUnavailable until the book has been opened."""
        if not self._is_open:
            raise StoreUnavailable("the book is not open yet; try again later")

    async def start(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Starts the tasks of the opened book and lets calls reach it; ``publish`` is called after each check."""
        self.runs.start()
        for sync in self._syncs:
            sync.start()
        self._is_open = True
        await self.monitor.start(publish)

    async def begin_drain(self) -> None:
        """Reports the book as stopping, and ends its watches and feeds; running calls may finish."""
        await self.monitor.drain()
        self._breaches.events.drain()
        await self._reports.refresher.end()
        self._stock.streams.drain()
        self._invoices.streams.drain()
        self._stopping = asyncio.create_task(self.runs.stop())

    async def close(self) -> None:
        """Stops everything, once the calls have ended."""
        if self._stopping is not None:
            await self._stopping
        for sync in self._syncs:
            await sync.stop()
        self._fits.close()
        self._models.close()
        self._revaluation.previews.close()
        self.runner.close()
