"""Opens findings for machine inspections whose data contradicts earlier data. The data itself is stored as stated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

import numpy as np

from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.assets.kinds import Asset, Equipment
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.shared.days import day_of
from collateral_registry.store.assets.repository import newest_documents
from collateral_registry.store.engine.database import Write
from valuation.depreciation.equipment import Condition
from valuation.equipment.appraisals.inspections import InspectionFlag, Inspections, check_inspections

Value = TypeVar("Value")

REVISIONS_LIMIT = 100
"""Number of a machine's newest revisions that are searched for its last known readings."""

SENTENCES = {
    InspectionFlag.HOURS_FELL: "the hour meter fell",
    InspectionFlag.HOURS_TOO_FAST: "the hour meter gained more than 24 hours a day",
    InspectionFlag.CONDITION_IMPROVED: "the condition improved",
    InspectionFlag.BUILT_AFTER: "the machine was built in a year after the inspection",
    InspectionFlag.BUILD_YEAR_CHANGED: "the build year changed",
}


def check_inspection(write: Write, asset_key: int, asset: Asset, work_done: str) -> None:
    """Opens a finding for each reading of a machine that contradicts its last known readings.

    Call it after the machine is written. An improved condition also opens a finding. That finding is resolved at once
    if ``work_done`` explains the improvement.
    """
    if not isinstance(asset.detail, Equipment):
        return
    revisions = newest_documents(write.connection, asset_key, REVISIONS_LIMIT)
    machines = [one.detail for one in revisions if isinstance(one.detail, Equipment)]
    if len(machines) > 1 and _readings(revisions[-2]) == _readings(revisions[-1]):
        return
    flags = InspectionFlag(int(check_inspections(_columns(revisions, machines, write.market_day))[-1]))
    opened = open_findings(write, [_finding(write, flag, asset_key, asset.asset_id, machines) for flag in flags])
    if work_done:
        improved = f"inspection {InspectionFlag.CONDITION_IMPROVED.name}"
        explained = [row.key for row in opened if row.finding.fingerprint.startswith(improved)]
        close_findings(write, explained, work_done)


def _readings(asset: Asset) -> tuple[object, ...]:
    """Returns the fields of a machine that an inspection states."""
    machine = asset.detail
    if not isinstance(machine, Equipment):
        return ()
    return asset.last_inspection, machine.hours, machine.condition, machine.built


def _columns(revisions: Sequence[Asset], machines: Sequence[Equipment], today: int) -> Inspections:
    """Returns the revisions of a machine as inspections, each as of its inspection or a later meter reading.

    If the newest revision has no date, it counts as of today. An older revision without a date counts as of long ago. A
    missing date is therefore never flagged.
    """
    inspected = (one.last_inspection for one in revisions)
    days = [_latest(*dates) for dates in zip(inspected, (one.hours_date for one in machines), strict=True)]
    days[-1] = days[-1] or today
    return Inspections(
        day=np.maximum.accumulate(np.array(days, dtype=np.int64)),
        hours=np.array([np.nan if one.hours is None else float(one.hours) for one in machines]),
        condition=np.array([int(one.condition) for one in machines], dtype=np.int8),
        build_year=np.array([np.nan if one.built is None else float(one.built.year) for one in machines]),
        worked_on=np.zeros(len(machines), dtype=np.bool_),
    )


def _latest(*dates: date | None) -> int:
    """Returns the latest of the dates as a day; 0 if none is stated."""
    return max((day_of(one) for one in dates if one), default=0)


def _finding(
    write: Write, flag: InspectionFlag, asset_key: int, asset_id: str, machines: Sequence[Equipment]
) -> Finding:
    return Finding(
        kind=FindingKind.INSPECTION_CONTRADICTS,
        severity=Severity.WARNING,
        fingerprint=f"inspection {flag.name} {asset_id} {write.seq}",
        summary=f"assets/{asset_id}: {SENTENCES[flag]}",
        evidence={
            "asset": f"assets/{asset_id}",
            "flag": flag.name or "",
            "hours": _plain(machines[-1].hours),
            "hours_before": _plain(_last([one.hours for one in machines[:-1]])),
            "condition": machines[-1].condition.name,
            "condition_before": _condition_before(machines[:-1]),
            "built": str(machines[-1].built or ""),
            "built_before": str(_last([one.built for one in machines[:-1]]) or ""),
        },
        asset_key=asset_key,
    )


def _last(values: Sequence[Value | None]) -> Value | None:
    return next((value for value in reversed(values) if value is not None), None)


def _condition_before(machines: Sequence[Equipment]) -> str:
    known = [one.condition.name for one in machines if one.condition is not Condition.UNKNOWN]
    return known[-1] if known else ""


def _plain(hours: Decimal | None) -> str:
    return "" if hours is None else f"{hours:f}"
