"""Stores findings and their state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, literal_column, select, true, update

from collateral_registry.domain.filters.expressions import Expression
from collateral_registry.domain.filters.fields import EncodedName, Id, Text, Time, enum
from collateral_registry.domain.findings.kinds import Finding, FindingKind, FindingState, Severity
from collateral_registry.store.engine.bulk import insert_columns, new_keys
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.filters import FilterField, FilterTable, nullable, unless
from collateral_registry.store.engine.key_sets import TEXTS, is_one_of
from collateral_registry.store.engine.rows import existing, from_row, values_of
from collateral_registry.store.schema.assets import AssetRow
from collateral_registry.store.schema.findings import FindingRow
from collateral_registry.store.schema.loans import LoanRow
from collateral_registry.store.schema.stock import StockLotRow

FINDING_FILTER = FilterTable(
    kind=FilterField(enum(FindingKind, "FINDING_KIND_"), FindingRow.kind),
    severity=FilterField(enum(Severity, "FINDING_SEVERITY_", ordered=True), FindingRow.severity),
    state=FilterField(enum(FindingState, "FINDING_STATE_"), FindingRow.state),
    warehouse=FilterField(EncodedName("warehouses"), FindingRow.warehouse),
    asset=nullable(Id("assets"), AssetRow.asset_id),
    loan=nullable(Id("loans"), LoanRow.loan_id),
    lot=FilterField(Text(), func.coalesce(StockLotRow.lot, "")),
    create_time=FilterField(Time(), FindingRow.created_us),
    creator=FilterField(Text(), FindingRow.created_by),
    resolve_time=unless(Time(), FindingRow.resolved_us, 0),
    resolver=FilterField(Text(), FindingRow.resolved_by),
)
"""Fields by which findings can be filtered."""


_OPEN: ColumnElement[int] = literal_column(str(int(FindingState.OPEN)))
"""A literal, because the condition of the partial index ``finding_open`` would not match a bound parameter."""


@dataclass(frozen=True)
class StoredFinding:
    """A finding with its key, the names of its subject and its resolution."""

    key: int
    finding: Finding
    state: FindingState
    asset_id: str
    loan_id: str
    lot: str
    created_us: int
    created_by: str
    resolved_us: int
    resolved_by: str
    note: str


def insert_findings(write: Write, findings: Sequence[Finding]) -> list[StoredFinding]:
    """Stores new findings and returns them with their keys; skips those whose fingerprint is already open."""
    wanted = {finding.fingerprint: finding for finding in findings}
    for fingerprint in open_fingerprints(write.connection, list(wanted)):
        del wanted[fingerprint]
    if not wanted:
        return []
    rows = [_row(write, finding) for finding in wanted.values()]
    keys = new_keys(write.connection, FindingRow, len(rows))
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    insert_columns(write.connection, FindingRow, {"finding_key": keys, **columns}, len(rows))
    return _stored(write.connection, [is_one_of(FindingRow.finding_key, keys)], None)[::-1]


def open_fingerprints(connection: Connection, fingerprints: Sequence[str]) -> dict[str, int]:
    """Returns the keys of the open findings that have these fingerprints, by fingerprint."""
    rows = connection.execute(_OPEN_AMONG, {"texts": fingerprints})
    return {row[0]: row[1] for row in rows}


_OPEN_AMONG = select(FindingRow.fingerprint, FindingRow.finding_key).where(
    is_one_of(FindingRow.fingerprint, TEXTS), FindingRow.state == _OPEN
)


def known_fingerprints(connection: Connection, fingerprints: Sequence[str], not_noted: str = "") -> set[str]:
    """Returns the fingerprints that any finding already has, so that a dismissed finding is not raised again.

    A finding that was resolved with the note ``not_noted`` does not count.
    """
    counts = (FindingRow.note != not_noted) | (FindingRow.state == _OPEN) if not_noted else true()
    return set(connection.execute(_KNOWN.where(counts), {"texts": fingerprints}).scalars())


_KNOWN = select(FindingRow.fingerprint).where(is_one_of(FindingRow.fingerprint, TEXTS))


def open_of_asset(connection: Connection, asset_key: int, kind: FindingKind) -> list[StoredFinding]:
    """Returns the open findings of a kind about an asset, newest first."""
    subject = (FindingRow.asset_key == asset_key) & (FindingRow.kind == int(kind))
    return _stored(connection, [subject, FindingRow.state == _OPEN], None)


def resolve_findings(write: Write, keys: Sequence[int], note: str) -> list[StoredFinding]:
    """Resolves open findings and returns them; skips those already resolved."""
    still_open = [is_one_of(FindingRow.finding_key, keys), FindingRow.state == int(FindingState.OPEN)]
    open_keys = [row.key for row in _stored(write.connection, still_open, None)]
    values = {
        "state": int(FindingState.RESOLVED),
        "resolved_seq": write.seq,
        "resolved_us": write.known_us,
        "resolved_by": write.actor,
        "note": note,
    }
    chosen = is_one_of(FindingRow.finding_key, open_keys)
    write.connection.execute(update(FindingRow).where(chosen).values(**values))
    return _stored(write.connection, [chosen], None)[::-1]


def get_finding(connection: Connection, key: int) -> StoredFinding:
    """Returns one finding; raises NotFound."""
    return existing(_stored(connection, [FindingRow.finding_key == key], 1), f"findings/{key}")


def list_findings(connection: Connection, wanted: Expression, before_key: int, limit: int) -> list[StoredFinding]:
    """Returns a page of findings, newest first."""
    return _stored(connection, [FINDING_FILTER.where(wanted), FindingRow.finding_key < before_key], limit)


_NOT_RESOLVED = {"resolved_seq": 0, "resolved_us": 0, "resolved_by": "", "note": ""}


def _row(write: Write, finding: Finding) -> dict[str, Any]:
    return {
        **values_of(
            finding, "kind", "severity", "fingerprint", "summary", "asset_key", "loan_key", "warehouse", "lot_key"
        ),
        "state": int(FindingState.OPEN),
        "evidence": json.dumps(finding.evidence, ensure_ascii=False, sort_keys=True),
        "created_seq": write.seq,
        "created_us": write.known_us,
        "created_by": write.actor,
        **_NOT_RESOLVED,
    }


def _stored(connection: Connection, where: Sequence[ColumnElement[bool]], limit: int | None) -> list[StoredFinding]:
    statement = (
        select(FindingRow.__table__, AssetRow.asset_id, LoanRow.loan_id, StockLotRow.lot)
        .outerjoin(AssetRow, AssetRow.asset_key == FindingRow.asset_key)
        .outerjoin(LoanRow, LoanRow.loan_key == FindingRow.loan_key)
        .outerjoin(StockLotRow, StockLotRow.lot_key == FindingRow.lot_key)
        .where(*where)
        .order_by(FindingRow.finding_key.desc())
        .limit(limit)
    )
    return [_of(row) for row in connection.execute(statement)]


def _of(row: Row[Any]) -> StoredFinding:
    kind, severity = FindingKind(row.kind), Severity(row.severity)
    finding = from_row(Finding, row, kind=kind, severity=severity, evidence=json.loads(row.evidence))
    names = {name: getattr(row, name) or "" for name in ("asset_id", "loan_id", "lot")}
    return from_row(StoredFinding, row, key=row.finding_key, finding=finding, state=FindingState(row.state), **names)
