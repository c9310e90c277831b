"""Books entries that are a pool's whole ledger, without storing anything: from entries to the ledger of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collateral_registry.domain.feeds.items import ItemProblem, Problems
from collateral_registry.domain.receivables.ledger import EntrySource, PoolLedger
from collateral_registry.domain.receivables.ledgers.entries import Entries, EntryRejectionReason, problems_of
from collateral_registry.domain.receivables.ledgers.entry_booking import book
from collateral_registry.domain.receivables.ledgers.ledger_columns import columns_of_state, pool_ledger
from collateral_registry.domain.receivables.ledgers.ledger_state import Effect, LedgerState
from collateral_registry.domain.receivables.ledgers.payments import PaymentBook

ACCOUNT = EntrySource.ACCOUNT
NOT_STORED = 0
"""Key of a pool whose ledger is not stored."""


@dataclass(frozen=True)
class StatedLedger:
    """The ledger of a pool after its entries, their effects on it, and why rows of the entries were not booked."""

    ledger: PoolLedger
    effects: Sequence[Effect]
    problems: Problems


def ledger_of_entries(entries: Entries, pool_id: str, now_us: int) -> StatedLedger:
    """Returns the ledger that a pool has after entries which are all that it ever had.

    An entry that names no pool is one of the pool; one that names another pool has a problem.
    """
    entries = replace(entries, pool=[pool or pool_id for pool in entries.pool])
    problems = problems_of(entries, None, now_us)
    for row, pool in enumerate(entries.pool):
        if pool != pool_id:
            text = f"pool: got assets/{pool}, want assets/{pool_id}, as the other entries"
            problems.setdefault(row, ItemProblem(EntryRejectionReason.FOREIGN_POOL, text))
    ledgers = {one: LedgerState(one) for one in {pool_id, *entries.to_pool} - {""}}
    of_account = {pool for pool, source in zip(entries.pool, entries.source, strict=True) if source == ACCOUNT}
    booked = book(entries, problems, ledgers, PaymentBook(of_account), {}, now_us)
    state = ledgers[pool_id]
    ledger = pool_ledger(NOT_STORED, state.entry_number, state.entry_day, *columns_of_state(state))
    effects = [one for one, pool in zip(booked.effects, booked.pool, strict=True) if pool is state]
    return StatedLedger(ledger, effects, booked.problems)
