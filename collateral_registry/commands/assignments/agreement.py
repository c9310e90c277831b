"""Compares a pool's ledger with the collection account and with the closing amounts that the borrower states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from collateral_registry.commands.assignments.records import check_day, owed_by_debtors
from collateral_registry.commands.assignments.unreconciled import reserve_unreconciled
from collateral_registry.commands.pipeline.findings import close_findings, open_findings
from collateral_registry.domain.assignments.payment_records import (
    LAG_BUSINESS_DAYS,
    RecordedPayment,
    diverted,
    lagging,
)
from collateral_registry.domain.assignments.period_sums import Closing, roll_forward
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.receivables.ledger import EntrySource
from collateral_registry.domain.shared.days import NO_DAY, date_at, day_of
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.assignments.agreement import (
    StoredClosing,
    entries_of,
    insert_closing,
    newest_closing,
    payments_of,
)
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.findings.repository import StoredFinding, open_fingerprints
from collateral_registry.store.receivables.ledger import pool_keys_of
from valuation.errors import InvalidInput

SHOWN_CHARACTERS = 60

AGREED_NOTE = "both records report the payment now, or it was corrected to nothing"


@dataclass(frozen=True)
class Agreement:
    """Findings that a check opened and resolved, and the newest closing amount; None if none is stated."""

    opened: Sequence[StoredFinding]
    resolved: Sequence[StoredFinding]
    closing: StoredClosing | None


def record_closing(write: Write, asset_id: str, day: date, amount: Money, actor: str) -> StoredClosing:
    """Records the closing amount of a day and compares it with the entries; a gap opens a finding.

    Raises InvalidInput for a later day than the business date or another currency than the pool's, and Refused for a
    pool without entries.
    """
    asset = owed_by_debtors(write.connection, asset_id)
    check_day(write, "date", day)
    if amount.currency != asset.asset.currency:
        raise InvalidInput("closing_amount.currency_code", amount.currency, f"{asset.asset.currency}, that of the pool")
    before = newest_closing(write.connection, asset.key, day_of(day))
    after = None if before is None else before.closing.day
    now = computed_closing(write.connection, asset, write.market_day, day, after, amount)
    stored = insert_closing(write, asset.key, now, actor)
    report_gap(write, asset, newest_closing(write.connection, asset.key) or stored)
    write.touched.add(assets=[asset.key])
    return stored


def check_ledger(write: Write, asset_id: str, actor: str) -> Agreement:
    """Compares the two records of payments of a pool, and its newest closing amount with the entries booked since.

    Findings of what now agrees are resolved.
    """
    asset = owed_by_debtors(write.connection, asset_id)
    payments = payments_of(write.connection, _pool_key(write.connection, asset))
    opened, resolved = _check_payments(write, asset, payments)
    closing = newest_closing(write.connection, asset.key)
    if closing is not None:
        stated = closing.closing
        now = computed_closing(write.connection, asset, write.market_day, stated.day, stated.after, stated.amount)
        if now != stated:
            closing = insert_closing(write, asset.key, now, actor)
            write.touched.add(assets=[asset.key])
        gap_opened, gap_resolved = report_gap(write, asset, closing)
        opened, resolved = [*opened, *gap_opened], [*resolved, *gap_resolved]
    return Agreement(opened, resolved, closing)


def computed_closing(
    connection: Connection, asset: StoredAsset, today: int, day: date, after: date | None, stated: Money
) -> Closing:
    """Returns the closing amount of a day as it follows from the entries, by the policy of today."""
    entries = entries_of(connection, _pool_key(connection, asset))
    after_day = NO_DAY if after is None else day_of(after)
    sums = roll_forward(entries, stated.currency, after_day, day_of(day), stated.minor)
    policy = policy_in_force(connection, today).policy
    tolerance = policy.receivable_numbers(asset.asset.asset_class).ppm("roll_forward_tolerance")
    return Closing(day, after, stated.currency, sums, tolerance)


def _pool_key(connection: Connection, asset: StoredAsset) -> int:
    name = asset.asset.asset_id
    keys = pool_keys_of(connection, [name])
    if name not in keys:
        raise Refused("NO_LEDGER", f"assets/{name} has no ledger entries: report its invoices first")
    return keys[name]


def report_gap(
    write: Write, asset: StoredAsset, stored: StoredClosing
) -> tuple[list[StoredFinding], list[StoredFinding]]:
    """Opens a finding if a closing amount has a gap beyond its tolerance; otherwise resolves that of the pool.

    The unreconciled amount is deducted from the bases of the loans that the pool secures.
    """
    closing = stored.closing
    reserve_unreconciled(write, asset, Money(closing.unreconciled_minor, closing.currency))
    fingerprint = f"roll-forward {asset.key}"
    if not closing.unreconciled_minor:
        keys = list(open_fingerprints(write.connection, [fingerprint]).values())
        return [], close_findings(write, keys, f"the entries lead to the closing amount of {closing.day}")

    def shown(minor: int) -> str:
        sign = "-" if minor < 0 else ""
        return f"{sign}{Money(abs(minor), closing.currency).major} {closing.currency}"

    finding = Finding(
        kind=FindingKind.ROLL_FORWARD_GAP,
        severity=Severity.WARNING,
        fingerprint=fingerprint,
        summary=f"the closing amount of {closing.day} differs by {shown(closing.sums.gap)} from the entries",
        evidence={
            "closing": stored.name,
            "stated": shown(closing.sums.stated),
            "computed": shown(closing.sums.closing),
            "opening": shown(closing.sums.opening),
        },
        asset_key=asset.key,
    )
    return open_findings(write, [finding]), []


def _check_payments(
    write: Write, asset: StoredAsset, payments: Sequence[RecordedPayment]
) -> tuple[list[StoredFinding], list[StoredFinding]]:
    """Opens a finding for each payment that only one record has, and resolves those of payments that both have."""
    opened = open_findings(write, late_payments(asset, payments, write.market_day))
    keys = list(open_fingerprints(write.connection, agreeing_payments(asset, payments)).values())
    return opened, close_findings(write, keys, AGREED_NOTE)


def late_payments(asset: StoredAsset, payments: Sequence[RecordedPayment], day: int) -> list[Finding]:
    """Returns a finding for each payment of a pool that only one record has by a day, and both should have."""
    return [_finding(asset, one) for one in (*lagging(payments, day), *diverted(payments, day))]


def agreeing_payments(asset: StoredAsset, payments: Sequence[RecordedPayment]) -> list[str]:
    """Returns the fingerprints of the findings about payments that both records have, or that are nothing by now."""
    return [_fingerprint(asset, one) for one in payments if one.is_matched or not one.amount_minor]


def _fingerprint(asset: StoredAsset, payment: RecordedPayment) -> str:
    return f"payment {asset.key} {payment.number}"


def _finding(asset: StoredAsset, payment: RecordedPayment) -> Finding:
    of_account = payment.source == EntrySource.ACCOUNT
    amount = f"{Money(payment.amount_minor, payment.currency).major} {payment.currency}"
    by, not_by = ("the collection account", "the ledger") if of_account else ("the ledger", "the collection account")
    debtor = payment.debtor[:SHOWN_CHARACTERS]
    return Finding(
        kind=FindingKind.CASH_LAG if of_account else FindingKind.DIVERTED_PAYMENT,
        severity=Severity.WARNING if of_account else Severity.CRITICAL,
        fingerprint=_fingerprint(asset, payment),
        summary=f"{by} reports {amount} of {debtor}, and {not_by} does not after {LAG_BUSINESS_DAYS} business days",
        evidence={
            "debtor": payment.debtor,
            "invoice_number": payment.invoice_number,
            "amount": amount,
            "date": str(date_at(payment.day)),
            "document": payment.document,
        },
        asset_key=asset.key,
    )
