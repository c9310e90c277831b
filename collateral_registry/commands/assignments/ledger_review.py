"""Finds what a pool's ledger shows against the collection account and its own past; releases nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collateral_registry.commands.assignments.agreement import (
    AGREED_NOTE,
    agreeing_payments,
    computed_closing,
    late_payments,
    report_gap,
)
from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.assignments.ledger_signals import SENTENCES, Alarm, Letter, alarms
from collateral_registry.domain.assignments.period_sums import Closing
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.receivables.estimates.history import DebtorNumbers
from collateral_registry.domain.shared.days import date_at, day_of
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.assignments.agreement import insert_closing, newest_closing, payments_of
from collateral_registry.store.assignments.verifications import answered_verifications
from collateral_registry.store.debtors.facts import debtor_facts
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.findings.repository import known_fingerprints, open_fingerprints, open_of_asset
from collateral_registry.store.receivables.history import entry_columns

ACTOR = "ledger review"


@dataclass(frozen=True)
class LedgerReview:
    """Findings to open, keys of findings to resolve, and a closing amount whose gap has grown; None if none has."""

    findings: Sequence[Finding]
    agreeing: Sequence[int]
    closing: Closing | None

    @property
    def changes_book(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.findings or self.agreeing or self.closing is not None)


def reviewed_ledger(connection: Connection, asset: StoredAsset, pool_key: int, day: int) -> LedgerReview:
    """Returns what is new in the ledger of a pool as of a day.

    A closing amount is computed again, and counts only if its unreconciled amount has grown: that it may be released is
    for a person to find with ``check_ledger``.
    """
    payments = payments_of(connection, pool_key)
    findings = [*late_payments(asset, payments, day), *_signals(connection, asset, pool_key, day)]
    # One that a person resolved is not raised again: that person looked at it.
    known = known_fingerprints(connection, [one.fingerprint for one in findings], AGREED_NOTE)
    agreeing = open_fingerprints(connection, agreeing_payments(asset, payments))
    new = [one for one in findings if one.fingerprint not in known]
    return LedgerReview(new, [*agreeing.values()], _grown_gap(connection, asset, day))


def record_ledger_review(write: Write, asset: StoredAsset, review: LedgerReview) -> bool:
    """Records what a review found; returns whether anything was new."""
    opened = open_findings(write, review.findings)
    resolved = close_findings(write, review.agreeing, AGREED_NOTE)
    grown = _grown_gap(write.connection, asset, write.market_day) if review.closing is not None else None
    if grown is not None:
        report_gap(write, asset, insert_closing(write, asset.key, grown, ACTOR))
        write.touched.add(assets=[asset.key])
    return bool(opened or resolved or grown is not None)


def _grown_gap(connection: Connection, asset: StoredAsset, day: int) -> Closing | None:
    stored = newest_closing(connection, asset.key)
    if stored is None:
        return None
    stated = stored.closing
    now = computed_closing(connection, asset, day, stated.day, stated.after, stated.amount)
    return now if now.unreconciled_minor > stated.unreconciled_minor else None


def _signals(connection: Connection, asset: StoredAsset, pool_key: int, day: int) -> list[Finding]:
    """Returns the alarms of signals that are to be raised: once a month each, and not while a person looks at one."""
    entries = entry_columns(connection, pool_key, asset.asset.currency)
    texts = sorted({*entries["debtor"].tolist()})
    keys = debtor_facts(connection, texts).debtor_key.tolist() if texts else []
    letters = [
        Letter(day_of(one.plan.day), answer.debtor, answer.invoice_number, answer.outcome)
        for one in answered_verifications(connection, asset.key)
        for answer in one.answers.values()
    ]
    found = alarms(entries, letters, DebtorNumbers.of(texts, dict(zip(texts, keys, strict=True))), day)
    is_open = open_of_asset(connection, asset.key, FindingKind.LEDGER_SIGNAL)
    raised = {one.finding.evidence.get("signal") for one in is_open}
    return [_finding(asset, one, day) for one in found if one.signal not in raised]


def _finding(asset: StoredAsset, alarm: Alarm, day: int) -> Finding:
    return Finding(
        kind=FindingKind.LEDGER_SIGNAL,
        severity=Severity.WARNING,
        fingerprint=f"ledger-signal {asset.key} {alarm.signal} {date_at(day):%Y-%m}",
        summary=f"{SENTENCES[alarm.signal]}: {alarm.signal} {alarm.value:.2f} exceeds {alarm.threshold:g}",
        evidence={
            "signal": alarm.signal,
            "value": f"{alarm.value:.4f}",
            "threshold": f"{alarm.threshold:g}",
            "date": str(date_at(day)),
            "invoice_count": alarm.invoices,
            "invoices": list(alarm.shown),
        },
        asset_key=asset.key,
    )
