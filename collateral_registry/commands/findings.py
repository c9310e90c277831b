"""Open and resolve findings; each is told at every loan that the thing it is about secures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.event_columns import event_columns
from collateral_registry.domain.errors import Refused
from collateral_registry.domain.facts import Int
from collateral_registry.domain.findings import Finding, FindingState
from collateral_registry.domain.judge import EventKind
from collateral_registry.domain.names import checked_text
from collateral_registry.store.covers import newest_covers
from collateral_registry.store.database import Write
from collateral_registry.store.events import insert_events
from collateral_registry.store.findings import (
    StoredFinding,
    get_finding,
    insert_findings,
    resolve_findings,
)
from collateral_registry.store.pledges import loans_of_assets


def open_findings(write: Write, findings: Sequence[Finding]) -> list[StoredFinding]:
    """Opens those findings that are not open already, and tells them; returns what is new."""
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


def loans_of_finding(write: Write, finding: Finding) -> Int:
    """Keys of the running loans that a finding is about: its own, and those its asset secures."""
    own = [finding.loan_key] if finding.loan_key else []
    secured = np.array([finding.asset_key] if finding.asset_key else [], dtype=np.int64)
    through = loans_of_assets(write.connection, secured) if len(secured) else secured
    loans: Int = np.union1d(np.array(own, dtype=np.int64), through)
    return loans


def _tell(write: Write, findings: Sequence[StoredFinding], kind: EventKind) -> None:
    """An event per finding and loan, on the cover last judged."""
    for row in findings:
        loans = loans_of_finding(write, row.finding)
        if not len(loans):
            continue
        cover = newest_covers(write.connection, loans)
        count = len(cover["loan_key"])
        kinds = np.full(count, int(kind), dtype=np.int64)
        outside = np.zeros(count, dtype=np.int64)
        note = f"findings/{row.key}: {row.finding.summary}"
        insert_events(write, event_columns(cover, kinds, cover["level"], outside, write, note))
