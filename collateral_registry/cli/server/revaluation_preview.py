"""Shows what a revaluation would change, without recording it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import grpc
from rich.console import Console
from rich.progress import Progress

from collateral_registry.cli.common.formatting import format_date, level_name, names_of_unknown_reasons, to_decimal
from collateral_registry.cli.common.options import Layout
from collateral_registry.cli.common.table_files import Section, show_table
from collateral_registry.cli.common.tables import (
    COVERAGE_STYLES,
    LEVEL_STYLES,
    Cell,
    Column,
    Importance,
    Kind,
    ListedRows,
    Row,
    Table,
    label,
    share,
    text,
)
from collateral_registry.cli.server.revalue import COLUMNS
from collateral_registry.v1 import common_pb2, revaluation_pb2 as pb, revaluation_pb2_grpc

HIGH, USUAL, LOW, DETAIL = Importance.HIGH, Importance.USUAL, Importance.LOW, Importance.DETAIL
STEPS = ("judged", "valued", "curves", "policy")
BY_STEP = tuple(Column(f"by_{step}", Kind.AMOUNT, f"by\n{step}", LOW) for step in STEPS)


def _pair(
    name: str, kind: Kind, header: str, importance: Importance = Importance.KEY, styles: Mapping[str, str] | None = None
) -> tuple[Column, Column]:
    """Returns the columns of a figure before and after the revaluation."""
    return (
        Column(f"{name}_before", kind, f"{header}\nbefore", importance, styles or {}),
        Column(name, kind, f"{header}\nafter", importance, styles or {}),
    )


LOANS = Table(
    "loans",
    (
        Column("loan", Kind.TEXT),
        Column("borrower", Kind.TEXT, importance=DETAIL),
        Column("currency", Kind.CODE, "ccy"),
        *_pair("level", Kind.CODE, "level", styles=LEVEL_STYLES),
        *_pair("coverage", Kind.CODE, "cover", USUAL, COVERAGE_STYLES),
        *_pair("ltv", Kind.SHARE, "LTV", HIGH),
        *_pair("lendable_value", Kind.AMOUNT, "lendable", HIGH),
        Column("change", Kind.AMOUNT, "change of\ncollateral", USUAL),
        *BY_STEP,
        Column("exposure", Kind.AMOUNT, importance=DETAIL),
        *_pair("market_value", Kind.AMOUNT, "market", DETAIL),
        Column("unknown_reasons", Kind.LABELS, "unknown\nbecause", DETAIL),
    ),
)
ASSETS = Table(
    "assets",
    (
        Column("asset", Kind.TEXT),
        Column("currency", Kind.CODE, "ccy"),
        *_pair("lendable_value", Kind.AMOUNT, "lendable"),
        Column("change", Kind.AMOUNT, "change", HIGH),
        *_pair("haircut", Kind.SHARE, "haircut", USUAL),
        *_pair("haircut_model", Kind.TEXT, "curve", USUAL),
        *BY_STEP,
        *_pair("market_value", Kind.AMOUNT, "market", DETAIL),
        *_pair("model", Kind.TEXT, "model", DETAIL),
        Column("unknown_reasons", Kind.LABELS, "unknown\nbecause", DETAIL),
        Column("zero_reasons", Kind.LABELS, "zero\nbecause", DETAIL),
    ),
)
LEVELS = Table(
    "level changes",
    (
        Column("level_before", Kind.CODE, "level before", styles=LEVEL_STYLES),
        Column("level", Kind.CODE, "level after", styles=LEVEL_STYLES),
        Column("loan_count", Kind.COUNT, "loans"),
    ),
)
MODELS = Table(
    "haircut models",
    (
        Column("model_before", Kind.TEXT, "before"),
        Column("model", Kind.TEXT, "after"),
        Column("value_count", Kind.COUNT, "values"),
    ),
)
COUNTS = Table("numbers", (Column("what", Kind.TEXT), Column("number", Kind.COUNT)))
TOTALS = Table(
    "currencies",
    (
        Column("currency", Kind.CODE, "ccy"),
        Column("loan_count", Kind.COUNT, "loans"),
        Column("changed_loan_count", Kind.COUNT, "changed"),
        Column("exposure", Kind.AMOUNT, importance=USUAL),
        *_pair("lendable_value", Kind.AMOUNT, "lendable"),
        *BY_STEP,
    ),
)


def show_preview(channel: grpc.Channel, policy: str, filter_: str, layout: Layout, *, assets: bool) -> None:
    """Shows the loans that a revaluation would change, or the assets; for a person also the sums.

    Assets are listed in the order of the largest change.
    """
    name = policy if not policy or policy.startswith("policies/") else f"policies/{policy}"
    request = pb.PreviewRevaluationRequest(policy=name, filter=filter_, include_assets=assets)
    begin, summary, loans, changed = _preview(channel, request)
    table, rows = (ASSETS, map(_asset_row, changed)) if assets else (LOANS, map(_loan_row, loans))
    title = (
        f"Preview on {format_date(begin.market_date)}, commit {begin.sequence}\n"
        f"policy {begin.policy.removeprefix('policies/')}\nnothing is recorded\n"
    )
    below = (
        Section("Loans by level", LEVELS, ListedRows(map(_level_row, summary.level_changes))),
        Section("Values by haircut model", MODELS, ListedRows(map(_model_row, summary.haircut_model_changes))),
        Section("Numbers", COUNTS, ListedRows(_count_rows(summary))),
        Section("Totals", TOTALS, ListedRows(map(_total_row, summary.totals))),
    )
    show_table(table, ListedRows(rows), layout, title, below)


def _preview(
    channel: grpc.Channel, request: pb.PreviewRevaluationRequest
) -> tuple[pb.PreviewRevaluationResponse, pb.PreviewSummary, list[pb.PreviewedLoan], list[pb.PreviewedAsset]]:
    """Returns the first part, the sums, the loans, and the assets by the size of their change."""
    parts = revaluation_pb2_grpc.RevaluationServiceStub(channel).PreviewRevaluation(request)
    summary, loans, assets = pb.PreviewSummary(), list[pb.PreviewedLoan](), list[pb.PreviewedAsset]()
    console = Console(stderr=True)
    with Progress(*COLUMNS, console=console, disable=not console.is_terminal, transient=True) as progress:
        begin: pb.PreviewRevaluationResponse = next(parts)
        task = progress.add_task("partitions", total=begin.partition_count)
        for part in parts:
            if part.HasField("summary"):
                summary = part.summary
            else:
                progress.update(task, completed=part.done_partition_count)
            loans += part.loans
            assets += part.assets
    return begin, summary, loans, sorted(assets, key=_by_change)


def _count_rows(summary: pb.PreviewSummary) -> list[Row]:
    levels = summary.level_changes
    return [
        ("loans", sum(total.loan_count for total in summary.totals)),
        ("loans that would change", sum(total.changed_loan_count for total in summary.totals)),
        ("at a worse level", sum(one.loan_count for one in levels if one.level > one.level_before)),
        ("at a better level", sum(one.loan_count for one in levels if one.level < one.level_before)),
        ("coverage lost", summary.lost_coverage_count),
        ("coverage known again", summary.regained_coverage_count),
        ("values of assets", summary.value_count),
        ("values that would change", summary.changed_value_count),
    ]


def _by_change(asset: pb.PreviewedAsset) -> Decimal:
    return -abs(to_decimal(asset.previewed.lendable_value) - to_decimal(asset.recorded.lendable_value))


def _loan_row(loan: pb.PreviewedLoan) -> Row:
    before, after = loan.recorded, loan.previewed
    return (
        loan.loan.removeprefix("loans/"),
        text(loan.borrower),
        after.exposure.currency_code,
        level_name(before.level),
        level_name(after.level),
        _coverage(before),
        _coverage(after),
        _ltv(before),
        _ltv(after),
        to_decimal(before.lendable_value),
        to_decimal(after.lendable_value),
        sum(_steps(loan.change)),
        *_steps(loan.change),
        to_decimal(after.exposure),
        to_decimal(before.market_value),
        to_decimal(after.market_value),
        names_of_unknown_reasons(after.unknown_reasons),
    )


def _asset_row(asset: pb.PreviewedAsset) -> Row:
    before, after = asset.recorded, asset.previewed
    return (
        asset.asset.removeprefix("assets/"),
        after.lendable_value.currency_code,
        to_decimal(before.lendable_value),
        to_decimal(after.lendable_value),
        sum(_steps(asset.change)),
        share(before.haircut),
        share(after.haircut),
        text(before.haircut_model),
        text(after.haircut_model),
        *_steps(asset.change),
        to_decimal(before.market_value),
        to_decimal(after.market_value),
        text(before.model),
        text(after.model),
        names_of_unknown_reasons(after.unknown_reasons),
        [common_pb2.ZeroReason.Name(one).removeprefix("ZERO_REASON_") for one in after.zero_reasons],
    )


def _level_row(change: pb.LevelChange) -> Row:
    return level_name(change.level_before), level_name(change.level), change.loan_count


def _model_row(change: pb.HaircutModelChange) -> Row:
    return change.model_before or "none", change.model or "none", change.value_count


def _total_row(total: pb.PreviewTotal) -> Row:
    return (
        total.currency_code,
        total.loan_count,
        total.changed_loan_count,
        to_decimal(total.exposure),
        to_decimal(total.recorded_lendable_value),
        to_decimal(total.lendable_value),
        *_steps(total.change),
    )


def _steps(change: pb.ChangeByStep) -> list[Decimal]:
    return [to_decimal(getattr(change, step)) for step in STEPS]


def _coverage(cover: pb.PreviewedCover) -> Cell:
    return label(common_pb2.Coverage.Name(cover.coverage), "COVERAGE_")


def _ltv(cover: pb.PreviewedCover) -> float | None:
    return math.inf if cover.ltv_infinite else share(cover.ltv)
