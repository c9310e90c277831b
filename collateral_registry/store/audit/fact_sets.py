"""Which columns are facts of the audit log, and why the others are not: every column is in exactly one list.

The name and the columns of a set are part of its digests. A migration that adds a column to a table therefore adds the
column to OMITTED, or gives the table a set of a new name, and leaves the set that older entries name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Float, LargeBinary, Table
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from collateral_registry.domain.audit.canonical import Column, Kind, Shape
from collateral_registry.store.audit.tables import AuditCheckpointRow, AuditEntryRow, AuditHeadRow, AuditLinkRow
from collateral_registry.store.schema.assets import (
    AssetRevisionRow,
    AssetRow,
    EquipmentRow,
    IdentityCorrectionRow,
    IdentityRow,
    IntellectualPropertyRow,
    InventoryRow,
    RightEventRow,
    TargetRow,
)
from collateral_registry.store.schema.assignments import (
    AssignmentEventRow,
    AssignmentRow,
    ContractTermsRow,
    DebtorLimitRow,
    InvoiceExclusionRow,
    PeriodClosingRow,
    RegistrySearchRow,
    VerificationAnswerRow,
    VerificationRow,
)
from collateral_registry.store.schema.book import (
    CommitRow,
    DateModeRow,
    DateRepairRow,
    PolicyRow,
    ProposalRow,
    RequestRow,
    SavedViewRow,
)
from collateral_registry.store.schema.borrowing_base import CertificateRow, ReserveRow
from collateral_registry.store.schema.debtors import DebtorIdentifierRow, DebtorRevisionRow, DebtorRow
from collateral_registry.store.schema.equipment import (
    AppraisalRow,
    EquipmentActivationRow,
    EquipmentModelFileRow,
    EquipmentModelRow,
)
from collateral_registry.store.schema.findings import FindingRow
from collateral_registry.store.schema.loans import (
    BreachRow,
    BreachStepRow,
    DisposalEntryRow,
    DisposalRow,
    EventRow,
    LoanJudgementRow,
    LoanRevisionRow,
    LoanRow,
    OverrideRow,
    PickupRow,
    PledgeClaimRow,
    PledgeRevisionRow,
    PledgeRow,
)
from collateral_registry.store.schema.prices import HaircutCurveRow, PriceRow, PriceSeriesRow, UnitSpellingRow
from collateral_registry.store.schema.receivables import (
    DebtorBalanceRow,
    InvoiceBatchRow,
    InvoiceEntryRow,
    InvoiceFeedRow,
    InvoicePoolRow,
    InvoiceRejectionRow,
    InvoiceRow,
    PoolChangeRow,
)
from collateral_registry.store.schema.revaluation import RunEventRow, RunPartitionRow, RunRow
from collateral_registry.store.schema.stock import (
    IssueWatermarkRow,
    LotLinkRow,
    PlaceClaimRow,
    StockBatchRow,
    StockChangeRow,
    StockCountRow,
    StockFeedRow,
    StockLotRow,
    StockMovementRow,
    StockRejectionRow,
    StockReserveRow,
    StockWarehouseRow,
    WarehouseCountRow,
    WarehouseReliabilityRow,
)
from collateral_registry.store.schema.valuations import PoolDebtorRow, PoolEstimateRow, PoolStatementRow, ValuationRow


@dataclass(frozen=True)
class FactSet:
    """Columns of a table that a commit fills: all that are not omitted, or with ``stage`` those that it fills later.

    ``seq`` is the column with the commit. ``run`` is the column with the number of a run's partition, if runs write the
    table too. ``changes`` is whether a row is filled several times; then each row has a digest of its own. ``order``
    replaces the primary key as the key of the rows.
    """

    row: type[SQLModel]
    seq: str
    stage: tuple[str, ...] = ()
    run: str = ""
    changes: bool = False
    order: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        """The table."""
        table: Table = self.row.__table__
        return table

    @cached_property
    def name(self) -> str:
        """The table, with what happens to its rows in a later stage."""
        return f"{self.table.name}.{self.seq.removesuffix('_seq')}" if self.stage else self.table.name

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return self.order or tuple(column.name for column in self.table.primary_key)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the set, in the order of the table."""
        if self.stage:
            chosen = {*self.key, self.seq, *self.stage}
        else:
            chosen = {column.name for column in self.table.columns} - _left_out(self.row)
        return tuple(column.name for column in self.table.columns if column.name in chosen)

    @cached_property
    def shape(self) -> Shape:
        """The set's shape, by which its rows are digested."""
        columns = (self.table.columns[name] for name in self.names)
        return Shape(self.name, tuple(Column(one.name, _kind(one.type), bool(one.nullable)) for one in columns))


@dataclass(frozen=True)
class FeedSet:
    """What a kind of feed stores: its batches and their items, which are chained for each feed."""

    feed: type[SQLModel]
    batches: FactSet
    items: FactSet

    @cached_property
    def name(self) -> str:
        """The table of the feeds."""
        return str(self.feed.__tablename__)


def _kind(kind: TypeEngine[Any]) -> Kind:
    if isinstance(kind, Float):
        return Kind.NUMBER
    if isinstance(kind, LargeBinary):
        return Kind.BYTES
    return Kind.INTEGER if kind.python_type is int else Kind.TEXT


def _left_out(row: type[SQLModel]) -> set[str]:
    """Returns the columns of a table that are in a later stage or omitted."""
    later = {name for one in FACT_SETS if one.row is row and one.stage for name in (one.seq, *one.stage)}
    return later | {name for names in OMITTED.get(row, {}).values() for name in names.split()}


FACT_SETS = (
    FactSet(AppraisalRow, "seq"),
    FactSet(AssetRow, "created_seq"),
    FactSet(AssetRevisionRow, "seq"),
    FactSet(AssignmentRow, "created_seq"),
    FactSet(AssignmentEventRow, "seq"),
    FactSet(BreachRow, "opened_seq"),
    FactSet(BreachRow, "cured_seq", stage=("cured_seq",)),
    FactSet(BreachStepRow, "seq"),
    FactSet(CertificateRow, "created_seq"),
    FactSet(CertificateRow, "updated_seq", stage=("state", "document"), changes=True),
    FactSet(ContractTermsRow, "seq"),
    FactSet(DateModeRow, "seq"),
    FactSet(DateRepairRow, "seq"),
    FactSet(DebtorRow, "created_seq"),
    FactSet(DebtorIdentifierRow, "created_seq"),
    FactSet(DebtorIdentifierRow, "ended_seq", stage=("ended_seq",)),
    FactSet(DebtorLimitRow, "seq"),
    FactSet(DebtorLimitRow, "ended_seq", stage=("ended_us", "ended_by", "end_note")),
    FactSet(DebtorRevisionRow, "seq"),
    FactSet(DisposalRow, "opened_seq"),
    FactSet(DisposalEntryRow, "seq"),
    FactSet(EquipmentActivationRow, "seq"),
    FactSet(EquipmentModelRow, "created_seq"),
    FactSet(EventRow, "seq"),
    FactSet(FindingRow, "created_seq"),
    FactSet(FindingRow, "resolved_seq", stage=("state", "resolved_us", "resolved_by", "note")),
    FactSet(HaircutCurveRow, "seq", run="of_run"),
    FactSet(IdentityCorrectionRow, "seq"),
    FactSet(InvoiceExclusionRow, "seq"),
    FactSet(InvoiceExclusionRow, "ended_seq", stage=("ended_us", "ended_by", "end_note")),
    FactSet(LoanRow, "created_seq"),
    FactSet(LoanJudgementRow, "seq", run="of_run"),
    FactSet(LoanRevisionRow, "seq"),
    FactSet(OverrideRow, "proposed_seq"),
    FactSet(OverrideRow, "decided_seq", stage=("state", "document")),
    FactSet(PeriodClosingRow, "seq"),
    FactSet(PickupRow, "created_seq"),
    FactSet(PickupRow, "updated_seq", stage=("state", "taken", "note"), changes=True),
    FactSet(PledgeRow, "created_seq"),
    FactSet(PledgeClaimRow, "seq", run="of_run"),
    FactSet(PledgeRevisionRow, "seq"),
    FactSet(PolicyRow, "created_seq"),
    FactSet(PolicyRow, "activated_seq", stage=("activated_seq",)),
    FactSet(PoolEstimateRow, "seq"),
    FactSet(PoolStatementRow, "seq", run="of_run"),
    FactSet(PriceRow, "seq"),
    FactSet(PriceSeriesRow, "created_seq"),
    FactSet(ProposalRow, "proposed_seq"),
    FactSet(ProposalRow, "decided_seq", stage=("state", "decision")),
    FactSet(RegistrySearchRow, "seq"),
    FactSet(RequestRow, "seq"),
    FactSet(ReserveRow, "created_seq"),
    FactSet(ReserveRow, "ended_seq", stage=("ended_by", "end_reason")),
    FactSet(RightEventRow, "seq"),
    FactSet(RunRow, "seq"),
    FactSet(RunRow, "published_seq", stage=("state", "finished_us", "events", "judged_again")),
    FactSet(
        RunPartitionRow,
        "published_seq",
        stage=("step", "first_key", "last_key", "needs", "done", "valued", "judged", "facts"),
    ),
    FactSet(TargetRow, "created_seq"),
    FactSet(ValuationRow, "seq", run="of_run"),
    FactSet(VerificationRow, "seq"),
    FactSet(VerificationAnswerRow, "seq"),
    FactSet(WarehouseCountRow, "seq"),
    FactSet(WarehouseReliabilityRow, "seq"),
)
"""The sets of facts of commits, and of revaluation runs."""

COMMITS = FactSet(CommitRow, "seq")
"""The commits themselves, which are part of their entries; those that are older than the log are anchored."""

_BATCH = ("source_key", "link", "sequence")
_PLACE = ("source_key", "sequence", "batch_row")

FEED_SETS = (
    FeedSet(
        StockFeedRow, FactSet(StockBatchRow, "link", order=_BATCH), FactSet(StockMovementRow, "sequence", order=_PLACE)
    ),
    FeedSet(
        InvoiceFeedRow,
        FactSet(InvoiceBatchRow, "link", order=_BATCH),
        FactSet(InvoiceEntryRow, "sequence", order=(*_PLACE, "leg")),
    ),
)
"""What the feeds store, outside the commits."""

_REJECTED = "work list of the items of batches that were not booked; the chain of the feed has the batches"
_HEAD = "current revision; every revision is in"
_INPUTS = "valuation inputs, which follow from asset_revision.document"

OMITTED: dict[type[SQLModel], dict[str, str]] = {
    AssetRow: {
        f"{_HEAD} asset_revision": "currency owner good place identity status prior_claims_minor insurance_day "
        "inspection_day asset_class revision updated_seq"
    },
    DebtorRow: {f"{_HEAD} debtor_revision": "revision updated_seq"},
    InvoiceEntryRow: {"number that the engine gives the row": "entry_key"},
    LoanRow: {
        f"{_HEAD} loan_revision": "borrower currency exposure_minor balance_day credit_limit_minor ltv_basis watch_ppm "
        "margin_call_ppm stop_draw_ppm liquidation_ppm maturity_day state revision updated_seq contingent_minor "
        "base_terms"
    },
    PledgeRow: {
        f"{_HEAD} pledge_revision": "rank share_ppm limit_minor is_registered registration_expire_day state revision "
        "updated_seq"
    },
    PriceSeriesRow: {
        "newest price, which follows from price": "latest_day latest_price latest_text latest_return history_seq "
        "quarantined_low quarantined_high quarantined_day"
    },
    ValuationRow: {
        "reserve for dilution, which follows from pool_statement, policy and estimate": "dilution_ppm good_dilution_ppm"
    },
    StockMovementRow: {"number that the engine gives the row": "movement_key"},
}
"""Columns of tables with facts that are not facts, by the reason why not."""

OMITTED_TABLES: dict[type[SQLModel], str] = {
    AuditCheckpointRow: "signed by itself",
    AuditEntryRow: "the log",
    AuditHeadRow: "progress, which follows from audit_entry",
    AuditLinkRow: "the chains of the feeds",
    CommitRow: "part of the entry of the commit",
    DebtorBalanceRow: "sums of invoice_entry",
    EquipmentModelFileRow: "files whose digest is equipment_model.model_hash",
    EquipmentRow: _INPUTS,
    IdentityRow: "index of the numbers in asset_revision.document",
    IntellectualPropertyRow: _INPUTS,
    InventoryRow: _INPUTS,
    InvoiceFeedRow: "progress, which follows from invoice_batch",
    InvoicePoolRow: "progress, which follows from invoice_entry",
    InvoiceRejectionRow: _REJECTED,
    InvoiceRow: "sums of invoice_entry",
    IssueWatermarkRow: "progress of a background task",
    LotLinkRow: "follows from stock_movement",
    PlaceClaimRow: "index of the claims in asset_revision.document",
    PoolChangeRow: "queue of a background task",
    PoolDebtorRow: "index of the debtors that invoice_entry names",
    RunEventRow: "pending events, which become rows of event",
    SavedViewRow: "names of addresses of pages, no facts about the book; each change is a request in an entry",
    StockChangeRow: "queue of a background task",
    StockCountRow: "comparison of warehouse_count.document with stock_movement",
    StockFeedRow: "progress, which follows from stock_batch",
    StockLotRow: "sums of stock_movement",
    StockRejectionRow: _REJECTED,
    StockReserveRow: "follows from warehouse_count and stock_movement",
    StockWarehouseRow: "sums of stock_movement",
    UnitSpellingRow: "current spellings of units; each change of them is a request in an entry",
}
"""Tables without facts, and why."""

SETS_OF_TABLE: dict[str, tuple[FactSet, ...]] = {
    name: tuple(one for one in FACT_SETS if one.table.name == name) for name in {one.table.name for one in FACT_SETS}
}
"""The sets of each table with facts of commits."""

SET_NAMED = {one.name: one for one in FACT_SETS}
"""The sets of facts of commits and runs by name."""

FEED_SET_NAMED = {one.name: one for one in FEED_SETS}
"""What feeds store, by the table of the feeds."""
