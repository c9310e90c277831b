"""Reviews pools after their ledgers or the business date have changed: their estimates, and what their ledgers show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collateral_registry.commands.assignments.ledger_review import LedgerReview, record_ledger_review, reviewed_ledger
from collateral_registry.commands.assignments.pool_estimates import due_estimate, record_estimate
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate
from collateral_registry.store.assets.repository import StoredAsset, get_asset
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.receivables.pending_pools import ledgers_of_assets

State = tuple[int, int]
"""The number of the newest entry of a pool, and the business date: a pool is reviewed once for each."""


@dataclass(frozen=True)
class PoolReview:
    """What a review of a pool in a state found, to be recorded; ``estimate`` is None if none is due."""

    asset: StoredAsset
    state: State
    estimate: PoolEstimate | None
    ledger: LedgerReview

    @property
    def changes_book(self) -> bool:
        """Whether there is anything to record."""
        return self.estimate is not None or self.ledger.changes_book


def next_review(connection: Connection, reviewed: Mapping[int, State]) -> PoolReview | None:
    """Reviews the pool whose last review is oldest, of those that have changed since; None if none has.

    ``reviewed`` holds the states of the pools reviewed so far, by key of the asset, oldest first.
    """
    day = newest_commit(connection)[1]
    ledgers = ledgers_of_assets(connection)
    rows = zip(*(ledgers[name].tolist() for name in ("asset_key", "asset_id", "pool_key", "entry_number")), strict=True)
    changed = {key: (name, pool, entry) for key, name, pool, entry in rows if reviewed.get(key) != (entry, day)}
    if not changed:
        return None
    age = {key: place for place, key in enumerate(reviewed, start=1)}
    name, pool_key, entry_number = changed[min(changed, key=lambda key: age.get(key, 0))]
    asset = get_asset(connection, name)
    estimate = due_estimate(connection, asset, pool_key, day)
    return PoolReview(asset, (entry_number, day), estimate, reviewed_ledger(connection, asset, pool_key, day))


def record_review(write: Write, review: PoolReview) -> bool:
    """Records what a review found; returns whether anything was new."""
    estimated = review.estimate is not None and record_estimate(write, review.asset, review.estimate)
    return record_ledger_review(write, review.asset, review.ledger) or estimated
