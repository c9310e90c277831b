"""Open and resolve findings; each is told at every loan that the thing it is about secures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.pipeline.event_columns import event_columns
from collateral_registry.domain.findings.kinds import Finding, FindingState
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.engine.database import Write
from collateral_registry.store.findings.repository import (
    StoredFinding,
    get_finding,
    insert_findings,
    resolve_findings,
)
from collateral_registry.store.loans.events import insert_events
from collateral_registry.store.loans.judgements import newest_covers
from collateral_registry.store.loans.pledges import loans_by_asset
from valuation._typing import Int


def open_findings(write: Write, findings: Sequence[Finding]) -> list[StoredFinding]:
    """Opens those findings that are not open already, and tells them; returns what is new."""
    if not findings:
        return []
    opened = insert_findings(write, findings)
    _tell(write, opened, EventKind.FINDING_OPENED)
    return opened


def resolve_finding(write: Write, key: int, note: str) -> StoredFinding:
    """Resolves an open finding with a reason; raises NotFound, and Refused when it is resolved already."""
    checked_text("actor", write.actor)
    if get_finding(write.connection, key).state == FindingState.RESOLVED:
        raise Refused("FINDING_RESOLVED", f"findings/{key} is resolved already")
    return close_findings(write, [key], checked_text("note", note))[0]


def close_findings(write: Write, keys: Sequence[int], note: str) -> list[StoredFinding]:
    """Resolves those of the findings that are open, and tells it."""
    resolved = resolve_findings(write, keys, note)
    _tell(write, resolved, EventKind.FINDING_RESOLVED)
    return resolved


def _tell(write: Write, findings: Sequence[StoredFinding], kind: EventKind) -> None:
    """An event per finding and running loan that it is about, on the cover last judged."""
    if not findings:
        return
    row, loan = _loans_told(write, findings)
    cover = newest_covers(write.connection, np.unique(loan))
    place = {int(key): at for at, key in enumerate(cover["loan_key"])}
    told = [(int(at), place[int(key)]) for at, key in zip(row, loan, strict=True) if int(key) in place]
    if not told:
        return
    judged = {name: column[[at for _, at in told]] for name, column in cover.items()}
    kinds, outside = np.full(len(told), int(kind), dtype=np.int64), np.zeros(len(told), dtype=np.int64)
    events = event_columns(judged, kinds, judged["level"], outside, write)
    insert_events(write, {**events, "note": [_note(findings[at]) for at, _ in told]})


def _loans_told(write: Write, findings: Sequence[StoredFinding]) -> tuple[Int, Int]:
    """Pairs [n] of a finding's row and a loan it is about, each once: its own, and those its asset secures."""
    assets = np.array(sorted({row.finding.asset_key for row in findings} - {0}), dtype=np.int64)
    secured = loans_by_asset(write.connection, assets)
    pairs = {
        (at, loan)
        for at, row in enumerate(findings)
        for loan in (row.finding.loan_key, *secured.get(row.finding.asset_key, ()))
        if loan
    }
    columns: Int = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def _note(row: StoredFinding) -> str:
    return f"findings/{row.key}: {row.finding.summary}"
