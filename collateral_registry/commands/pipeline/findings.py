"""Opens and resolves findings, and announces them to the loans they concern."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collateral_registry.commands.pipeline.event_columns import event_columns
from collateral_registry.domain.findings.kinds import Finding, FindingState
from collateral_registry.domain.loans.judge import EventKind
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_text
from collateral_registry.store.engine.database import Write
from collateral_registry.store.engine.touched import Announcement
from collateral_registry.store.findings.repository import (
    StoredFinding,
    get_finding,
    insert_findings,
    resolve_findings,
)
from collateral_registry.store.loans.events import insert_events
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.pledges import loans_by_asset
from valuation._typing import Int


def open_findings(write: Write, findings: Sequence[Finding]) -> list[StoredFinding]:
    """Opens the given findings that are not open yet, and returns those that it opened."""
    if not findings:
        return []
    opened = insert_findings(write, findings)
    _queue(write, opened, EventKind.FINDING_OPENED)
    return opened


def resolve_finding(write: Write, key: int, note: str) -> StoredFinding:
    """Resolves an open finding with a reason; raises NotFound, and Refused if it is already resolved."""
    checked_text("actor", write.actor)
    if get_finding(write.connection, key).state == FindingState.RESOLVED:
        raise Refused("FINDING_RESOLVED", f"findings/{key} is resolved already: choose an open one from ListFindings")
    return close_findings(write, [key], checked_text("note", note))[0]


def close_findings(write: Write, keys: Sequence[int], note: str) -> list[StoredFinding]:
    """Resolves the given findings that are open."""
    resolved = resolve_findings(write, keys, note)
    _queue(write, resolved, EventKind.FINDING_RESOLVED)
    return resolved


def announce_findings(write: Write, announcements: Sequence[Announcement]) -> None:
    """Records an event for each finding and each running loan that it concerns.

    The event repeats the newest judgement of the loan.
    """
    if not announcements:
        return
    row, loan = _loans_concerned(write, announcements)
    cover = newest_judgements(write.connection, np.unique(loan))
    place = {int(key): at for at, key in enumerate(cover["loan_key"])}
    pairs = [(int(at), place[int(key)]) for at, key in zip(row, loan, strict=True) if int(key) in place]
    if not pairs:
        return
    judged = {name: column[[at for _, at in pairs]] for name, column in cover.items()}
    kinds = np.array([announcements[at].event_kind for at, _ in pairs], dtype=np.int64)
    no_breach = np.zeros(len(pairs), dtype=np.int64)
    events = event_columns(judged, kinds, judged["level"], no_breach, write)
    insert_events(write, {**events, "note": [announcements[at].note for at, _ in pairs]})


def _queue(write: Write, findings: Sequence[StoredFinding], kind: EventKind) -> None:
    """Queues announcements of findings, which are made after the loans are judged (commands/pipeline/settle.py)."""
    write.touched.announcements += [
        Announcement(
            int(kind), row.finding.asset_key, row.finding.loan_key, f"findings/{row.key}: {row.finding.summary}"
        )
        for row in findings
    ]


def _loans_concerned(write: Write, announcements: Sequence[Announcement]) -> tuple[Int, Int]:
    """Returns distinct pairs [n] as two columns: the row of an announcement, and the key of a loan that it concerns."""
    assets = np.array(sorted({one.asset_key for one in announcements} - {0}), dtype=np.int64)
    secured = loans_by_asset(write.connection, assets)
    pairs = {
        (at, loan)
        for at, one in enumerate(announcements)
        for loan in (one.loan_key, *secured.get(one.asset_key, ()))
        if loan
    }
    columns: Int = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
