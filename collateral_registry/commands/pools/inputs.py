"""Reads everything that the ladders of pools need: ledgers, debtors, assignments and what lines leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from collateral_registry.domain.assets.claims import Disclosure, Receivable, ReceivablePool
from collateral_registry.domain.assignments.debtor_limits import limits_of_debtors
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.ledger import PoolLedger
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, PoolTerms, stated_debtors
from collateral_registry.domain.receivables.rule_numbers import CONCENTRATION_MODES
from collateral_registry.domain.receivables.single_invoice import empty_ledger, ledger_of_invoice
from collateral_registry.store.assignments.facts import AssignedPool, assignments_of
from collateral_registry.store.assignments.limits import limits_of
from collateral_registry.store.assignments.verifications import Verified, verifications_of
from collateral_registry.store.debtors.facts import debtor_facts
from collateral_registry.store.engine.bulk import Source
from collateral_registry.store.receivables.ledger import ledger_at, ledgers_of, pool_keys_of
from collateral_registry.store.valuations.pool_estimates import estimates_of
from valuation._typing import Int


@dataclass(frozen=True)
class PoolAsset:
    """A pool, or an invoice that is a pool of its own, with key and id of its asset; a draft has a key below 1."""

    key: int
    asset_id: str
    currency: str
    detail: Receivable | ReceivablePool


def pool_facts_of(source: Source, pools: Sequence[PoolAsset], day: int) -> list[PoolFacts]:
    """Returns the facts of each pool [n] on a day, by what is known now."""
    return _facts(source, pools, _present_ledgers(source, pools), day, None)


def pool_facts_at(source: Source, pool: PoolAsset, entry_number: int, day: int, seq: int | None) -> PoolFacts:
    """Returns the facts of a pool on a day, by its entries up to a number and the facts known at commit ``seq``.

    Without a commit the facts are those of now.
    """
    if isinstance(pool.detail, Receivable):
        ledger = ledger_of_invoice(pool.key, pool.detail, pool.currency)
    else:
        key = pool_keys_of(source, [pool.asset_id]).get(pool.asset_id)
        ledger = empty_ledger(0) if key is None else _ledger_up_to(source, key, entry_number)
    return _facts(source, [pool], [ledger], day, seq)[0]


def _ledger_up_to(source: Source, pool_key: int, entry_number: int) -> PoolLedger:
    """Returns a ledger up to an entry: the present one, if no entry has come since, which is read faster."""
    present = ledgers_of(source, [pool_key])[pool_key]
    return present if present.entry_number == entry_number else ledger_at(source, pool_key, entry_number)


def _facts(
    source: Source, pools: Sequence[PoolAsset], ledgers: Sequence[PoolLedger], day: int, seq: int | None
) -> list[PoolFacts]:
    names = [stated_debtors(ledger) for ledger in ledgers]
    limits = limits_of(source, [pool.key for pool in pools], seq)
    stated = {one.detail.owner_debtor for one in pools if one.detail.owner_debtor}
    stated |= {one.limit.debtor for own in limits.values() for one in own}
    known = debtor_facts(source, sorted(stated.union(*(texts.tolist() for texts in names))), seq)
    debtor_of = dict(zip(known.stated.tolist(), known.debtor_key.tolist(), strict=True))
    place = {text: row for row, text in enumerate(known.stated.tolist())}
    verified = verifications_of(source, [pool.key for pool in pools], seq)
    estimates = estimates_of(source, [pool.key for pool in pools], seq)
    assigned = assignments_of(source, list(map(_assigned, pools, ledgers)), verified, day, seq)
    found = []
    for pool, ledger, texts, assignments in zip(pools, ledgers, names, assigned, strict=True):
        rows = np.array([place[text] for text in texts.tolist()], dtype=np.int64)
        bound = verified.get(pool.key, Verified())
        terms = _terms(pool, known, place.get(pool.detail.owner_debtor))
        estimate = estimates.get(pool.key)
        if estimate is not None and estimate.dilution is not None:
            terms = replace(terms, dilution=estimate.dilution.expected)
        debtors, own = _rows_of(known, rows), limits.get(pool.key)
        found.append(
            PoolFacts(
                ledger=ledger,
                debtors=debtors,
                assignments=assignments,
                terms=replace(terms, value_part=bound.misstated_share, verification_day=bound.day),
                line_left_minor=np.full(len(texts), NO_LINE, dtype=np.int64),
                estimates=None if estimate is None else estimate.of_debtors(texts),
                limits=None if own is None else limits_of_debtors(debtors, own, debtor_of, day),
            )
        )
    return found


def _present_ledgers(source: Source, pools: Sequence[PoolAsset]) -> list[PoolLedger]:
    ids = [one.asset_id for one in pools if isinstance(one.detail, ReceivablePool)]
    keys = pool_keys_of(source, ids) if ids else {}
    ledgers = ledgers_of(source, sorted(keys.values())) if keys else {}
    return [
        ledger_of_invoice(one.key, one.detail, one.currency)
        if isinstance(one.detail, Receivable)
        else ledgers.get(keys.get(one.asset_id, 0), empty_ledger(0))
        for one in pools
    ]


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


def _assigned(pool: PoolAsset, ledger: PoolLedger) -> AssignedPool:
    account = "" if isinstance(pool.detail, Receivable) else pool.detail.collection_account
    return AssignedPool(pool.key, ledger, account)


def _rows_of(facts: DebtorFacts, rows: Int) -> DebtorFacts:
    return DebtorFacts(**{one.name: getattr(facts, one.name)[rows] for one in fields(DebtorFacts)})
