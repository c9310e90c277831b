"""Reads everything that the ladders of pools need: ledgers, debtors, assignments and what lines leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from collateral_registry.domain.assets.claims import Disclosure, Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.assignments.best_assignment import PoolRecords, best_assignments
from collateral_registry.domain.assignments.debtor_limits import (
    DebtorLimit,
    LimitKey,
    StatedDebtor,
    limits_in_force,
    limits_of_debtors,
)
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate
from collateral_registry.domain.receivables.ledger import PoolLedger, emptied, is_too_large
from collateral_registry.domain.receivables.pool_facts import NO_LINE, PoolFacts, PoolTerms, stated_debtors
from collateral_registry.domain.receivables.rule_numbers import CONCENTRATION_MODES
from collateral_registry.domain.receivables.single_invoice import empty_ledger, ledger_of_invoice
from collateral_registry.store.assignments.facts import AssignedPool, assignment_records
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
    is_retired: bool = False

    @staticmethod
    def of(key: int, asset: Asset) -> PoolAsset | None:
        """Returns the pool that an asset is; None if it has no invoices."""
        if not isinstance(asset.detail, Receivable | ReceivablePool):
            return None
        return PoolAsset(key, asset.asset_id, asset.currency, asset.detail, asset.status is Status.RETIRED)

    @property
    def account(self) -> str:
        """The collection account; empty if it has none."""
        return "" if isinstance(self.detail, Receivable) else self.detail.collection_account


@dataclass(frozen=True)
class PoolKnowledge:
    """What is known on a day of a pool and its debtors besides the ledger.

    ``debtors`` are in alphabetical order, and may be more than the ledger names. ``debtor_of`` holds the keys of the
    registered debtors that texts state, 0 for none. ``estimate`` and ``limits`` are None if there are none.
    """

    asset: PoolAsset
    day: int
    terms: PoolTerms
    debtors: DebtorFacts
    debtor_of: Mapping[str, int]
    records: PoolRecords
    estimate: PoolEstimate | None
    limits: Mapping[LimitKey, Sequence[DebtorLimit]] | None

    def facts(self, ledger: PoolLedger) -> PoolFacts:
        """Returns the facts of the pool with a ledger, or of the part of it that belongs to the debtors of a ledger."""
        stated = stated_debtors(ledger)
        debtors = facts_of_rows(self.debtors, np.searchsorted(self.debtors.stated, stated))
        own, currency = self.limits, self.asset.currency
        return PoolFacts(
            ledger=ledger,
            debtors=debtors,
            assignments=best_assignments(ledger, self.records, self.day, currency, self.asset.account),
            terms=self.terms,
            line_left_minor=np.full(len(stated), NO_LINE, dtype=np.int64),
            estimates=None if self.estimate is None else self.estimate.of_debtors(debtors),
            limits=None if own is None else limits_of_debtors(debtors, own, self.day, currency),
        )

    def estimated(self, estimate: PoolEstimate) -> PoolKnowledge:
        """Returns the same by an estimate of the pool."""
        known = estimate.dilution
        terms = self.terms
        if known is not None:
            terms = replace(terms, dilution=known.expected, dilution_spike=known.spike)
        return replace(self, estimate=estimate, terms=terms)

    def with_debtors(self, added: DebtorFacts) -> PoolKnowledge:
        """Returns the same with the facts of further texts."""
        order = np.argsort(np.concatenate([self.debtors.stated, added.stated]))
        joined = {
            one.name: np.concatenate([getattr(self.debtors, one.name), getattr(added, one.name)])[order]
            for one in fields(DebtorFacts)
        }
        keys = dict(zip(added.stated.tolist(), added.debtor_key.tolist(), strict=True))
        records = self.records.of_debtors({**self.records.debtor_of, **keys})
        return replace(self, debtors=DebtorFacts(**joined), debtor_of={**self.debtor_of, **keys}, records=records)


@dataclass(frozen=True)
class PoolInput:
    """The facts of a pool, and the knowledge from which they follow with its ledger."""

    facts: PoolFacts
    known: PoolKnowledge


def pool_inputs_of(
    source: Source, pools: Sequence[PoolAsset], day: int, entry_numbers: Mapping[int, int]
) -> list[PoolInput]:
    """Returns the facts of each pool [n] on a day, by what is known now.

    ``entry_numbers`` holds the newest entry that counts of some pools, by the key of the asset.
    """
    return _inputs(source, pools, _ledgers(source, pools, entry_numbers), day, None)


def pool_input_of(source: Source, pool: PoolAsset, ledger: PoolLedger, day: int) -> PoolInput:
    """Returns the facts of a pool with a stated ledger on a day, by what is known now of everything else."""
    return _inputs(source, [pool], [ledger], day, None)[0]


def pool_facts_at(source: Source, pool: PoolAsset, entry_number: int, day: int, seq: int | None) -> PoolFacts:
    """Returns the facts of a pool on a day, by its entries up to a number and the facts known at commit ``seq``.

    Without a commit the facts are those of now.
    """
    if isinstance(pool.detail, Receivable):
        ledger = ledger_of_invoice(pool.key, pool.detail, pool.currency)
    else:
        key = pool_keys_of(source, [pool.asset_id]).get(pool.asset_id)
        ledger = empty_ledger(0) if key is None else _ledger_up_to(source, key, entry_number)
    return _inputs(source, [pool], [ledger], day, seq)[0].facts


def _ledger_up_to(source: Source, pool_key: int, entry_number: int) -> PoolLedger:
    """Returns a ledger up to an entry: the present one, if no entry has come since, which is read faster."""
    present = ledgers_of(source, [pool_key])[pool_key]
    return present if present.entry_number == entry_number else ledger_at(source, pool_key, entry_number)


def _inputs(
    source: Source, pools: Sequence[PoolAsset], ledgers: Sequence[PoolLedger], day: int, seq: int | None
) -> list[PoolInput]:
    keys = [pool.key for pool in pools]
    limits = limits_of(source, keys, seq)
    too_large = [is_too_large(ledger) for ledger in ledgers]
    ledgers = [emptied(one) if is_large else one for one, is_large in zip(ledgers, too_large, strict=True)]
    stated = {one.detail.owner_debtor for one in pools if one.detail.owner_debtor}
    stated |= {one.limit.debtor for own in limits.values() for one in own}
    known = debtor_facts(source, sorted(stated.union(*(stated_debtors(one).tolist() for one in ledgers))), seq)
    debtor_of = dict(zip(known.stated.tolist(), known.debtor_key.tolist(), strict=True))
    place = {text: row for row, text in enumerate(known.stated.tolist())}
    verified, estimates = verifications_of(source, keys, seq), estimates_of(source, keys, seq)
    assigned = [AssignedPool(pool.key, ledger) for pool, ledger in zip(pools, ledgers, strict=True)]
    found = []
    recorded = assignment_records(source, assigned, verified, seq)
    for pool, ledger, is_large, records in zip(pools, ledgers, too_large, recorded, strict=True):
        bound, estimate = verified.get(pool.key, Verified()), estimates.get(pool.key)
        terms = replace(_terms(pool, known, place.get(pool.detail.owner_debtor)), is_too_large=is_large)
        terms = replace(
            terms,
            value_part=bound.misstated_share,
            verification_day=bound.day,
            least_value_part=bound.least_share,
        )
        own = limits.get(pool.key)
        in_force = None if own is None else limits_in_force(own, _stated_debtors(known))
        one = PoolKnowledge(pool, day, terms, known, debtor_of, records, None, in_force)
        one = one if estimate is None else one.estimated(estimate)
        found.append(PoolInput(one.facts(ledger), one))
    return found


def _stated_debtors(known: DebtorFacts) -> dict[str, StatedDebtor]:
    """Returns the registered debtors that texts state."""
    rows = zip(known.stated.tolist(), known.own_key.tolist(), known.debtor_key.tolist(), strict=True)
    return {text: StatedDebtor(own, key) for text, own, key in rows if key}


def _ledgers(source: Source, pools: Sequence[PoolAsset], entry_numbers: Mapping[int, int]) -> list[PoolLedger]:
    ids = [one.asset_id for one in pools if isinstance(one.detail, ReceivablePool)]
    keys = pool_keys_of(source, ids) if ids else {}
    ledgers = ledgers_of(source, sorted(keys.values())) if keys else {}
    found = []
    for one in pools:
        if isinstance(one.detail, Receivable):
            found.append(ledger_of_invoice(one.key, one.detail, one.currency))
            continue
        ledger = ledgers.get(keys.get(one.asset_id, 0), empty_ledger(0))
        last = entry_numbers.get(one.key, ledger.entry_number)
        found.append(ledger if ledger.entry_number <= last else ledger_at(source, ledger.pool_key, last))
    return found


def _terms(pool: PoolAsset, debtors: DebtorFacts, owner: int | None) -> PoolTerms:
    known = owner is not None and debtors.debtor_key[owner] > 0
    terms = PoolTerms(
        currency=pool.currency,
        owner=pool.detail.owner_debtor,
        owner_key=int(debtors.debtor_key[owner]) if known else 0,
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


def facts_of_rows(facts: DebtorFacts, rows: Int) -> DebtorFacts:
    """Returns the facts of the debtors in some rows."""
    return DebtorFacts(**{one.name: getattr(facts, one.name)[rows] for one in fields(DebtorFacts)})
