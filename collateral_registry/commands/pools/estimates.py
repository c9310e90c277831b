"""Estimates a pool from a ledger and its history, with the debtors that their texts state."""

from __future__ import annotations

from collateral_registry.domain.debtors.debtor import DebtorState
from collateral_registry.domain.receivables.estimates.history import DebtorNumbers, LedgerHistory
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate, estimated
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.store.debtors.facts import debtor_facts
from collateral_registry.store.engine.bulk import Source


def estimate_of(
    source: Source, ledger: PoolLedger, history: LedgerHistory, currency: str, numbers: ReceivableNumbers, day: int
) -> PoolEstimate:
    """Returns the estimate of a pool as of a day, by the debtors that are registered now."""
    texts = sorted({*ledger.debtor.tolist(), *history.changes.debtor.tolist()})
    known = debtor_facts(source, texts)
    insolvent = known.stated[known.state == DebtorState.INSOLVENT].tolist()
    debtors = DebtorNumbers.of(texts, dict(zip(texts, known.debtor_key.tolist(), strict=True)), insolvent)
    return estimated(ledger, history, debtors, currency, numbers.days("dilution_lag_months"), day)
