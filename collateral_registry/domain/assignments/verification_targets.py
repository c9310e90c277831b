"""Chooses open invoices of a pool that are verified by suspicion, beyond the random sample."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from collateral_registry.domain.receivables.invoice_rules import has_flag
from collateral_registry.domain.receivables.ledger import InvoiceFlag, PoolLedger
from collateral_registry.domain.shared.money import digits_of
from valuation._typing import Float, Int
from valuation.receivables.verification_targets import TargetLedger, TargetReason

TARGETS_LIMIT = 200
"""Most targets of a verification."""

TARGETS = 10
"""Targets of a verification that states no number. A design choice."""


@dataclass(frozen=True)
class TargetedInvoice:
    """An open invoice that is verified for reasons of its own."""

    debtor: str
    invoice_number: str
    open_minor: int
    reasons: tuple[TargetReason, ...]


def targets_of(
    ledger: PoolLedger, currency: str, sampled: Collection[tuple[str, str]], day: int, seed: int, count: int
) -> tuple[TargetedInvoice, ...]:
    """Returns the most unusual open invoices in a currency that are not sampled, at most ``count``.

    Of equally unusual ones the seed decides, so that the same seed gives the same targets of the same ledger.
    """
    own = np.flatnonzero(ledger.currency == currency)
    known = TargetLedger(
        debtor=np.unique(ledger.debtor[own], return_inverse=True)[1].astype(np.int64),
        number=ledger.invoice_number[own],
        face_minor=ledger.face_minor[own],
        issue_day=ledger.issue_day[own],
        is_open=ledger.open_minor[own] > 0,
        is_re_invoiced=has_flag(ledger.flags[own], InvoiceFlag.RE_INVOICED),
        unit_minor=100 * 10 ** digits_of(currency),
    )
    reasons = known.reasons(day)
    suspicion = np.round(known.suspicion(reasons), 9)
    names = [*zip(ledger.debtor[own].tolist(), known.number.tolist(), strict=True)]
    rows = _largest(suspicion, count + len(sampled))
    chosen = sorted(
        (row for row in rows.tolist() if names[row] not in sampled),
        key=lambda row: (-suspicion[row], sha256(" ".join([str(seed), *names[row]]).encode()).digest()),
    )
    return tuple(
        TargetedInvoice(
            names[row][0],
            names[row][1],
            int(ledger.open_minor[own[row]]),
            tuple(reason for reason in TargetReason if reasons[reason - 1, row]),
        )
        for row in chosen[:count]
    )


def _largest(suspicion: Float, count: int) -> Int:
    """Returns the rows of the largest suspicions above 0, and all that are equal to the last of them."""
    if count >= len(suspicion):
        return np.flatnonzero(suspicion > 0.0)
    least = np.partition(suspicion, -count)[-count] if count else np.inf
    return np.flatnonzero((suspicion > 0.0) & (suspicion >= least))
