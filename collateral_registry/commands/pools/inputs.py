"""Reads everything that the ladders of pools need: ledgers, debtors, assignments and what lines leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from collateral_registry.domain.assets.claims import Disclosure, Receivable, ReceivablePool
from collateral_registry.domain.receivables.assignment_facts import AssignmentFacts, AssignmentState
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, PoolTerms, stated_debtors
from collateral_registry.domain.receivables.rule_numbers import CONCENTRATION_MODES
from collateral_registry.domain.receivables.single_invoice import empty_ledger, ledger_of_invoice
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.store.debtors.facts import debtor_facts
from collateral_registry.store.engine.bulk import Source
from valuation._typing import Int


@dataclass(frozen=True)
class PoolAsset:
    """A pool, or an invoice that is a pool of its own, with the key of its asset; a draft has a key below 1."""

    key: int
    currency: str
    detail: Receivable | ReceivablePool


def pool_facts_of(source: Source, pools: Sequence[PoolAsset], seq: int | None = None) -> list[PoolFacts]:
    """Returns the facts of each pool [n], by what is known now or was known at commit ``seq``."""
    ledgers = [_ledger(one) for one in pools]
    names = [stated_debtors(ledger) for ledger in ledgers]
    owners = {one.detail.owner_debtor for one in pools if one.detail.owner_debtor}
    known = debtor_facts(source, sorted(owners.union(*(texts.tolist() for texts in names))), seq)
    place = {text: row for row, text in enumerate(known.stated.tolist())}
    found = []
    for pool, ledger, texts in zip(pools, ledgers, names, strict=True):
        rows = np.array([place[text] for text in texts.tolist()], dtype=np.int64)
        owner = place.get(pool.detail.owner_debtor)
        found.append(
            PoolFacts(
                ledger=ledger,
                debtors=_rows_of(known, rows),
                assignments=_unassigned(len(ledger.open_minor)),
                terms=_terms(pool, known, owner),
                line_left_minor=np.full(len(texts), NO_LINE, dtype=np.int64),
            )
        )
    return found


def _ledger(pool: PoolAsset) -> PoolLedger:
    if isinstance(pool.detail, Receivable):
        return ledger_of_invoice(pool.key, pool.detail, pool.currency)
    return empty_ledger(0)


def _terms(pool: PoolAsset, debtors: DebtorFacts, owner: int | None) -> PoolTerms:
    known = owner is not None and debtors.debtor_key[owner] > 0
    terms = PoolTerms(
        currency=pool.currency,
        owner_group=int(debtors.group_key[owner]) if known else 0,
        owner_country=str(debtors.country[owner]) if known else "",
        is_fed=isinstance(pool.detail, ReceivablePool),
    )
    if isinstance(pool.detail, Receivable):
        return terms
    mode = pool.detail.concentration_mode
    return replace(
        terms,
        mode=CONCENTRATION_MODES[mode - 1] if mode else None,
        is_disclosed=pool.detail.disclosure is not Disclosure.UNDISCLOSED,
    )


def _rows_of(facts: DebtorFacts, rows: Int) -> DebtorFacts:
    return DebtorFacts(**{one.name: getattr(facts, one.name)[rows] for one in fields(DebtorFacts)})


def _unassigned(count: int) -> AssignmentFacts:
    no = np.zeros(count, dtype=np.bool_)
    return AssignmentFacts(
        state=np.full(count, int(AssignmentState.NONE), dtype=np.int64),
        registered_us=np.zeros(count, dtype=np.int64),
        earlier_assignee=no,
        search_day=np.full(count, NO_DAY, dtype=np.int64),
        bars_assignment=np.full(count, -1, dtype=np.int64),
        excluded_manually=no,
    )
