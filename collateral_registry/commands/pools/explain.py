"""Computes the ladder of a pool again as it was at a commit, from which its invoices are listed and explained."""

from __future__ import annotations

from dataclasses import dataclass

from collateral_registry.commands.pools.inputs import PoolAsset, pool_facts_at
from collateral_registry.commands.pools.lines import with_lines
from collateral_registry.domain.assets.claims import Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate
from collateral_registry.domain.receivables.pool_ladder import Ladder, ladder
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.store.assets.repository import document_as_of, get_asset
from collateral_registry.store.book.policies import StoredPolicy, policy_by_key
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.pool_estimates import estimates_of
from collateral_registry.store.valuations.pool_statements import StoredStatement, statement_as_of


@dataclass(frozen=True)
class ExplainedPool:
    """A pool at the statement that was current at a moment, with the ladder from which the statement follows."""

    asset: Asset
    stored: StoredStatement
    policy_id: str
    ladder: Ladder
    numbers: ReceivableNumbers
    estimate: PoolEstimate | None


@dataclass(frozen=True)
class ShownStatement:
    """A pool, a statement of it, and the id of the policy and the estimate that it used."""

    asset: Asset
    stored: StoredStatement
    policy_id: str
    estimate: PoolEstimate | None


def pool_statement(connection: Connection, asset_id: str, seq: int) -> ShownStatement:
    """Returns a pool and its statement that was current at a commit.

    Raises NotFound for an unknown asset and before the first statement, and Refused for an asset without invoices.
    """
    key = get_asset(connection, asset_id).key
    stored = statement_as_of(connection, key, seq)
    if stored is None:
        raise NotFound(f"assets/{asset_id}/statement")
    asset = document_as_of(connection, key, stored.seq)
    policy_id = _policy(connection, stored).policy.policy_id
    return ShownStatement(asset, stored, policy_id, estimates_of(connection, [key], stored.seq).get(key))


def explained_pool(connection: Connection, asset_id: str, seq: int) -> ExplainedPool:
    """Returns the ladder of a pool by the entries, facts and policy of its statement that was current at a commit.

    Raises as ``pool_statement`` does.
    """
    key = get_asset(connection, asset_id).key
    shown = pool_statement(connection, asset_id, seq)
    asset, stored = shown.asset, shown.stored
    if not isinstance(asset.detail, Receivable | ReceivablePool):
        raise Refused("NO_RECEIVABLES", f"assets/{asset_id} has no invoices: name a pool or a receivable")
    pool = PoolAsset(key, asset_id, asset.currency, asset.detail)
    policy, day = _policy(connection, stored).policy, stored.market_day
    own = pool_facts_at(connection, pool, stored.statement.entry_number, day, stored.seq)
    (facts,) = with_lines(connection, [(pool, asset.asset_class)], [own], policy, day, stored.seq)
    numbers = policy.receivable_numbers(asset.asset_class)
    return ExplainedPool(asset, stored, shown.policy_id, ladder(facts, numbers, day), numbers, shown.estimate)


def row_of_invoice(pool: ExplainedPool, debtor: str, number: str) -> int:
    """Returns the row of an invoice in the ladder; raises NotFound."""
    ledger = pool.ladder.pool.ledger
    found = ((ledger.debtor == debtor) & (ledger.invoice_number == number)).nonzero()[0]
    if not len(found):
        raise NotFound(f"assets/{pool.asset.asset_id}/debtors/{debtor}/invoices/{number}")
    return int(found[0])


def _policy(connection: Connection, stored: StoredStatement) -> StoredPolicy:
    return policy_by_key(connection, stored.policy_key)
