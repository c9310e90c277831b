"""Conversion of the parts of a preview to messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from collateral_registry.commands.revaluation.preview import PreviewBegin, PreviewPart, PreviewRows
from collateral_registry.domain.revaluation.previews import BEFORE, STEPS, CurrencyTotal, PreviewSummary
from collateral_registry.domain.valuations.appraise import model_name
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.cover_messages import add_ltv, coverage_message, level_message
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.v1 import revaluation_pb2 as pb
from valuation.value import adjusted_value

RECORDED = f"{BEFORE}_"


def part_message(part: PreviewPart) -> pb.PreviewRevaluationResponse:
    """Returns a part of a preview as a message."""
    match part:
        case PreviewBegin():
            return pb.PreviewRevaluationResponse(
                sequence=part.seq,
                market_date=convert.day(part.market_day),
                policy_in_force=f"policies/{part.policy_in_force}",
                policy=f"policies/{part.policy}",
                partition_count=part.partitions,
            )
        case PreviewSummary():
            return pb.PreviewRevaluationResponse(summary=_summary(part))
        case PreviewRows():
            return pb.PreviewRevaluationResponse(
                done_partition_count=part.done,
                loans=map(_loan, _rows(part.loans)),
                assets=map(_asset, _rows(part.assets)),
            )


def _rows(columns: Columns | None) -> list[dict[str, Any]]:
    if columns is None:
        return []
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _loan(row: Mapping[str, Any]) -> pb.PreviewedLoan:
    return pb.PreviewedLoan(
        loan=f"loans/{row['loan_id']}",
        borrower=row["borrower"],
        recorded=_cover(row, RECORDED),
        previewed=_cover(row, ""),
        change=_change({step: row[f"by_{step}"] for step in STEPS}, row["currency"]),
    )


def _cover(row: Mapping[str, Any], prefix: str) -> pb.PreviewedCover:
    currency = row["currency"]
    message = pb.PreviewedCover(
        level=level_message(row[f"{prefix}level"]),
        coverage=coverage_message(row[f"{prefix}coverage_unknown"]),
        exposure=convert.money(row[f"{prefix}exposure_minor"], currency),
        market_value=convert.money(row[f"{prefix}market_minor"], currency),
        lendable_value=convert.money(row[f"{prefix}lendable_minor"], currency),
        unknown_reasons=convert.unknown_reasons(row[f"{prefix}unknown"]),
    )
    add_ltv(message, row[f"{prefix}owed_minor"], row[f"{prefix}collateral_minor"])
    return message


def _asset(row: Mapping[str, Any]) -> pb.PreviewedAsset:
    return pb.PreviewedAsset(
        asset=f"assets/{row['asset_id']}",
        recorded=_value(row, RECORDED),
        previewed=_value(row, ""),
        change=_change({step: row[f"by_{step}"] for step in STEPS}, row["currency"]),
    )


def _value(row: Mapping[str, Any], prefix: str) -> pb.PreviewedValue:
    currency = row["currency"]
    market = np.array([row[f"{prefix}market_minor"]], dtype=np.int64)
    adjusted = adjusted_value(market, np.array([row[f"{prefix}price_adjustment"]]))
    return pb.PreviewedValue(
        market_value=convert.money(int(adjusted[0]), currency),
        lendable_value=convert.money(row[f"{prefix}lendable_minor"], currency),
        haircut=convert.ratio(row[f"{prefix}haircut"]),
        unknown_reasons=convert.unknown_reasons(row[f"{prefix}unknown"]),
        zero_reasons=convert.zero_reasons(row[f"{prefix}zero"]),
        model=model_name(row[f"{prefix}model"]),
        haircut_model=row[f"{prefix}curve_model"],
    )


def _change(by_step: Mapping[str, int], currency: str) -> pb.ChangeByStep:
    return pb.ChangeByStep(**{step: convert.money(by_step[step], currency) for step in STEPS})


def _summary(summary: PreviewSummary) -> pb.PreviewSummary:
    return pb.PreviewSummary(
        level_changes=[
            pb.LevelChange(level_before=level_message(before), level=level_message(after), loan_count=count)
            for (before, after), count in sorted(summary.moves.items(), key=lambda one: (-one[0][1], one[0][0]))
        ],
        lost_coverage_count=summary.lost_coverage,
        regained_coverage_count=summary.regained_coverage,
        value_count=summary.assets,
        changed_value_count=summary.changed_assets,
        haircut_model_changes=[
            pb.HaircutModelChange(model_before=before, model=after, value_count=count)
            for (before, after), count in sorted(summary.models.items())
        ],
        totals=[_total(currency, total) for currency, total in sorted(summary.totals.items())],
    )


def _total(currency: str, total: CurrencyTotal) -> pb.PreviewTotal:
    sums = total.sums
    return pb.PreviewTotal(
        currency_code=currency,
        loan_count=total.loans,
        changed_loan_count=total.changed,
        exposure=convert.money(sums["exposure_minor"], currency),
        recorded_lendable_value=convert.money(sums["recorded_lendable_minor"], currency),
        lendable_value=convert.money(sums["lendable_minor"], currency),
        change=_change({step: sums[f"by_{step}"] for step in STEPS}, currency),
    )
