"""Keeps computed pools in memory, so that an entry computes its debtor again and not the whole pool.

What a pool was computed from changes only by commits. A kept pool is used as long as all commits since are of kinds
that change nothing of it but its ledger.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np

from collateral_registry.commands.pools.inputs import PoolAsset, PoolInput, PoolKnowledge
from collateral_registry.domain.receivables.changes.computed_pool import ComputedPool, changed
from collateral_registry.domain.receivables.debtor_facts import DebtorFacts
from collateral_registry.domain.receivables.debtor_lines import lined_debtors
from collateral_registry.domain.receivables.pool_facts import GroupName, PoolFacts, group_names
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.store.debtors.facts import debtor_facts
from collateral_registry.store.engine.commits import NO_COMMIT, Commit, commits_since, newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.receivables.kept_ledgers import KeptLedger
from valuation.money import AMOUNT_LIMIT_MINOR

LEDGER_KINDS = frozenset({"SyncPools", "SyncStock", "BringUpToDate", "IngestPrices", "IngestFxRates", "UpdateBalances"})
"""Kinds of commits that change nothing of what a pool is computed from, except for its ledger."""

COMMITS_LIMIT = 10_000
"""Commits after which a kept pool is computed as a whole, so that they are not read for a pool that rarely changes."""

POOLS_LIMIT = 100
"""Pools that are kept; the one that was used least recently is dropped first."""


@dataclass(frozen=True)
class KeptPool:
    """A pool that was computed in a commit, with its ledger and what else it was computed from."""

    known: PoolKnowledge
    numbers: ReceivableNumbers
    commit: Commit
    ledger: KeptLedger
    pool: ComputedPool

    def after(self, ledger: KeptLedger, added: DebtorFacts) -> KeptPool | None:
        """Returns the pool with a later ledger; None if that changes more than half of it.

        ``added`` are the facts of debtors that the ledger did not name before.
        """
        moved = ledger.changed_since(self.ledger)
        now = replace(self, known=self.known.with_debtors(added), ledger=ledger)
        debtors = now.known.debtors
        names = dict(zip(debtors.stated.tolist(), group_names(debtors), strict=True))
        texts = _texts_of({names[text] for text in moved}, names)
        if 2 * ledger.count(texts) > ledger.invoices:
            return None

        def part_of(name: GroupName) -> PoolFacts:
            return now.facts(_texts_of({name}, names))

        new = now.facts(texts)
        if self.pool.sums.open_minor + float(new.ledger.open_minor.sum(dtype=np.float64)) >= AMOUNT_LIMIT_MINOR:
            return None  # a sum that may be too large is known of the whole pool only
        pool = changed(self.pool, self.facts(texts), new, part_of, self.numbers, self.known.day)
        return replace(now, pool=pool)

    def facts(self, texts: Collection[str]) -> PoolFacts:
        """Returns the part of the pool that the ledger states under these texts."""
        return self.known.facts(self.ledger.ledger(texts))


def _texts_of(groups: set[GroupName], names: Mapping[str, GroupName]) -> set[str]:
    return {text for text, name in names.items() if name in groups}


class KeptPools:
    """The kept pools of one database by the keys of their assets; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, KeptPool] = OrderedDict()

    def keep(self, one: KeptPool) -> None:
        """Keeps a pool."""
        with self._lock:
            self._kept[one.known.asset.key] = one
            self._kept.move_to_end(one.known.asset.key)
            if len(self._kept) > POOLS_LIMIT:
                self._kept.popitem(last=False)

    def get(self, asset_key: int) -> KeptPool | None:
        """Returns the kept pool of an asset."""
        with self._lock:
            return self._kept.get(asset_key)


def kept_pools(connection: Connection) -> KeptPools:
    """Returns the kept pools of the database of a connection."""
    return _KEPT.setdefault(connection.engine, KeptPools())


_KEPT: WeakKeyDictionary[object, KeptPools] = WeakKeyDictionary()


def recalled(
    connection: Connection, asset: PoolAsset, ledger: KeptLedger, numbers: ReceivableNumbers, day: int
) -> tuple[KeptPool, DebtorFacts] | None:
    """Returns the kept pool of an asset with its present ledger, and the facts of debtors that are new in it.

    None if the pool must be computed as a whole.
    """
    kept = kept_pools(connection).get(asset.key)
    if kept is None or (kept.known.asset, kept.known.day, kept.numbers) != (asset, day, numbers):
        return None
    if ledger.entry_number < kept.ledger.entry_number or not _is_valid(connection, kept.commit):
        return None
    added = debtor_facts(connection, sorted(ledger.debtors.keys() - set(kept.known.debtors.stated.tolist())))
    found = None if lined_debtors(added) else kept.after(ledger, added)
    return None if found is None else (found, added)


def _is_valid(connection: Connection, computed_in: Commit) -> bool:
    """Returns whether a commit was not undone, and no commit since has changed more than ledgers."""
    since = commits_since(connection, computed_in.seq, COMMITS_LIMIT + 1)
    return (
        0 < len(since) <= COMMITS_LIMIT and since[0] == computed_in and all(one.kind in LEDGER_KINDS for one in since)
    )


def keep_pools(connection: Connection, kept: Sequence[KeptPool]) -> None:
    """Keeps pools that the commit of the connection computes, if this commit changes nothing else of them."""
    if not kept:
        return
    (commit,) = commits_since(connection, newest_commit(connection)[0], 1)
    if commit.kind in LEDGER_KINDS:
        for one in kept:
            kept_pools(connection).keep(replace(one, commit=commit))


def kept_pool(given: PoolInput, numbers: ReceivableNumbers, ledger: KeptLedger, pool: ComputedPool) -> KeptPool:
    """Returns a pool that was computed as a whole, to be kept."""
    return KeptPool(replace(given.known, debtors=given.facts.debtors), numbers, NO_COMMIT, ledger, pool)


def is_divisible(given: PoolInput) -> bool:
    """Returns whether each group of debtors of a pool can be computed alone.

    A debtor's line depends on other pools, and an acknowledged amount on all invoices of its assignment.
    """
    amounts = (event.amount for events in given.known.records.assignments for event in events)
    return not lined_debtors(given.facts.debtors) and all(amount is None for amount in amounts)
