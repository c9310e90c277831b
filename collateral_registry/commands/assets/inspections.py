"""What an inspection of a machine says against what was known of it: told as findings, never set right."""

from __future__ import annotations

from collections.abc import Sequence
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
"""Newest revisions of a machine that are searched for its last known readings."""

SENTENCES = {
    InspectionFlag.HOURS_FELL: "the hour meter fell",
    InspectionFlag.HOURS_TOO_FAST: "the hour meter gained more than 24 hours a day",
    InspectionFlag.CONDITION_IMPROVED: "the condition improved",
    InspectionFlag.BUILT_AFTER: "the machine was built in a year after the inspection",
    InspectionFlag.BUILD_YEAR_CHANGED: "the build year changed",
}


def check_inspection(write: Write, asset_key: int, asset: Asset, work_done: str) -> None:
    """Opens a finding for each thing about a machine that cannot follow from its last known readings.

    Of a machine that is registered or changed, once it is written. A condition that improved by work that is stated is
    told too, and resolved with it.
    """
    if not isinstance(asset.detail, Equipment):
        return
    seen = newest_documents(write.connection, asset_key, REVISIONS_LIMIT)
    machines = [one.detail for one in seen if isinstance(one.detail, Equipment)]
    if len(machines) > 1 and _readings(seen[-2]) == _readings(seen[-1]):
        return
    flags = InspectionFlag(int(check_inspections(_columns(seen, machines, write.market_day))[-1]))
    opened = open_findings(write, [_finding(write, flag, asset_key, asset.asset_id, machines) for flag in flags])
    if work_done:
        improved = f"inspection {InspectionFlag.CONDITION_IMPROVED.name}"
        explained = [row.key for row in opened if row.finding.fingerprint.startswith(improved)]
        close_findings(write, explained, work_done)


def _readings(asset: Asset) -> tuple[object, ...]:
    """What an inspection may say of a machine."""
    machine = asset.detail
    if not isinstance(machine, Equipment):
        return ()
    return asset.last_inspection, machine.hours, machine.condition, machine.built


def _columns(seen: Sequence[Asset], machines: Sequence[Equipment], today: int) -> Inspections:
    """The revisions of a machine as inspections.

    One without a date is taken as of today when it is the newest, else as of long ago: nothing is flagged for a date
    that nobody gave.
    """
    days = [day_of(one.last_inspection) if one.last_inspection else 0 for one in seen]
    if seen[-1].last_inspection is None:
        days[-1] = today
    return Inspections(
        day=np.maximum.accumulate(np.array(days, dtype=np.int64)),
        hours=np.array([np.nan if one.hours is None else float(one.hours) for one in machines]),
        condition=np.array([int(one.condition) for one in machines], dtype=np.int8),
        build_year=np.array([np.nan if one.built is None else float(one.built.year) for one in machines]),
        worked_on=np.zeros(len(machines), dtype=np.bool_),
    )


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
