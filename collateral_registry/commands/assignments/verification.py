"""Plans the verification of a pool's invoices and records what their debtors answer."""

from __future__ import annotations

import secrets
from collections.abc import Container, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256

from collateral_registry.commands.assignments.records import owed_by_debtors
from collateral_registry.commands.pipeline.findings import open_findings
from collateral_registry.domain.assignments.verification import SEED_LIMIT, Answer, planned
from collateral_registry.domain.findings.kinds import Finding, FindingKind, Severity
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.shared.days import date_at
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.assets.repository import StoredAsset
from collateral_registry.store.assignments.verifications import (
    StoredVerification,
    get_verification,
    insert_answers,
    insert_plan,
    verification_of,
)
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.receivables.ledger import ledgers_of, pool_keys_of
from valuation.errors import InvalidInput, check_all
from valuation.money import PPM

SHOWN_CHARACTERS = 60


def plan_verification(
    write: Write,
    asset_id: str,
    verification_id: str,
    tolerable: Money | None,
    confidence_ppm: int,
    seed: int,
    targets: int,
    actor: str,
) -> StoredVerification:
    """Samples the open invoices of a pool and stores the plan, with up to ``targets`` invoices chosen by suspicion.

    Without a tolerable amount it is the policy's share of the open amount, and seed 0 stands for a random one. The
    sample is twice as large if a debtor denied a debt in the newest complete verification or since.
    """
    asset = owed_by_debtors(write.connection, asset_id)
    ledger = ledger_of(write.connection, asset_id)
    plan = planned(
        ledger,
        verification_id,
        date_at(write.market_day),
        tolerable or _tolerable(write, asset, ledger),
        confidence_ppm,
        seed or secrets.randbelow(SEED_LIMIT - 1) + 1,
        targets,
        is_doubled=verification_of(write.connection, asset.key).was_denied,
    )
    return insert_plan(write, asset.key, asset_id, replace(plan, random_seed=not seed), actor)


def record_answers(
    write: Write, asset_id: str, verification_id: str, answers: Sequence[Answer], actor: str
) -> StoredVerification:
    """Records answers to a verification; a denied debt opens a critical finding.

    Raises InvalidInput for an invoice that is not to be verified, and for an amount in another currency.
    """
    stored = get_verification(write.connection, asset_id, verification_id)
    verified = stored.plan.open_minor
    check_all(*(partial(_check_answer, at, answer, stored, verified) for at, answer in enumerate(answers)))
    insert_answers(write, stored, answers, actor)
    denied = [answer for answer in answers if answer.is_denial]
    open_findings(
        write,
        [_finding(stored, answer, verified[answer.debtor, answer.invoice_number]) for answer in denied],
    )
    write.touched.add(assets=[stored.asset_key])
    return get_verification(write.connection, asset_id, verification_id)


def ledger_of(connection: Connection, asset_id: str) -> PoolLedger:
    """Returns the present ledger of a pool; raises Refused for a pool without entries."""
    keys = list(pool_keys_of(connection, [asset_id]).values())
    if not keys:
        raise Refused("NO_LEDGER", f"assets/{asset_id} has no ledger entries: report its invoices first")
    return ledgers_of(connection, keys)[keys[0]]


def _tolerable(write: Write, asset: StoredAsset, ledger: PoolLedger) -> Money:
    policy = policy_in_force(write.connection, write.market_day).policy
    share = policy.receivable_numbers(asset.asset.asset_class).ppm("verification_tolerable_share")
    book = int(ledger.open_minor[ledger.currency == asset.asset.currency].sum())
    return Money(max(1, book * share // PPM), asset.asset.currency)


def _check_answer(at: int, answer: Answer, stored: StoredVerification, verified: Container[tuple[str, str]]) -> None:
    field = f"answers[{at}]"
    if (answer.debtor, answer.invoice_number) not in verified:
        got = f"{answer.invoice_number!r} of {answer.debtor!r}"
        raise InvalidInput(f"{field}.invoice_number", got, f"an invoice of the sample of {stored.name}")
    if answer.confirmed is not None and answer.confirmed.currency != stored.plan.currency:
        currency = answer.confirmed.currency
        raise InvalidInput(f"{field}.confirmed_amount.currency_code", currency, stored.plan.currency)


def _finding(stored: StoredVerification, answer: Answer, open_minor: int) -> Finding:
    invoice = f"{answer.debtor} {answer.invoice_number}"
    return Finding(
        kind=FindingKind.DEBT_DENIED,
        severity=Severity.CRITICAL,
        fingerprint=f"debt-denied {stored.asset_key} {sha256(invoice.encode()).hexdigest()[:32]}",
        summary=f"{answer.debtor[:SHOWN_CHARACTERS]} denies invoice {answer.invoice_number[:SHOWN_CHARACTERS]}",
        evidence={
            "debtor": answer.debtor,
            "invoice_number": answer.invoice_number,
            "open_amount": f"{Money(open_minor, stored.plan.currency).major} {stored.plan.currency}",
            "verification": stored.name,
            "document": answer.document,
        },
        asset_key=stored.asset_key,
    )
