"""Computes the ladder of a pool again as it was at a commit, from which its invoices are listed and explained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collateral_registry.commands.pools.inputs import PoolAsset, pool_facts_at
from collateral_registry.commands.pools.kept_ladders import LadderKey, kept_ladders
from collateral_registry.commands.pools.lines import with_lines
from collateral_registry.domain.assets.claims import Receivable, ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.borrowing_base.dilution_reserves import reserved_of
from collateral_registry.domain.receivables.estimates.pool_estimate import PoolEstimate
from collateral_registry.domain.receivables.pool_ladder import Ladder, ladder
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.errors import NotFound, Refused
from collateral_registry.store.assets.repository import document_as_of, get_asset
from collateral_registry.store.book.policies import StoredPolicy, policy_by_key
from collateral_registry.store.engine.commits import commits_since
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.pool_estimates import estimates_of
from collateral_registry.store.valuations.pool_statements import StoredStatement, statement_as_of
from collateral_registry.store.valuations.repository import dilution_share_of


@dataclass(frozen=True)
class ExplainedPool:
    """A pool at the statement that was current at a moment, with the ladder from which the statement follows."""

    key: int
    asset: Asset
    stored: StoredStatement
    policy_id: str
    ladder: Ladder
    numbers: ReceivableNumbers
    estimate: PoolEstimate | None


@dataclass(frozen=True)
class ShownStatement:
    """A pool, a statement of it, the policy and the estimate that it used, and the share reserved for dilution."""

    key: int
    asset: Asset
    stored: StoredStatement
    policy: StoredPolicy
    estimate: PoolEstimate | None
    dilution_ppm: int

    @property
    def policy_id(self) -> str:
        """The id of the policy."""
        return self.policy.policy.policy_id

    @property
    def dilution_reserve_minor(self) -> int:
        """What a loan that claims the whole lendable amount reserves for dilution."""
        return reserved_of(self.stored.statement.lendable_minor, self.dilution_ppm)


def shown_statement(connection: Connection, asset_key: int, seq: int) -> ShownStatement | None:
    """Returns a pool and its statement that was current at a commit; None before the first statement."""
    stored = statement_as_of(connection, asset_key, seq)
    if stored is None:
        return None
    asset = document_as_of(connection, asset_key, stored.seq)
    estimate = estimates_of(connection, [asset_key], stored.seq).get(asset_key)
    policy, ppm = policy_by_key(connection, stored.policy_key), dilution_share_of(connection, asset_key, stored.seq)
    return ShownStatement(asset_key, asset, stored, policy, estimate, ppm)


def pool_statement(connection: Connection, asset_id: str, seq: int) -> ShownStatement:
    """Returns a pool and its statement that was current at a commit.

    Raises NotFound for an unknown asset and before the first statement.
    """
    shown = shown_statement(connection, get_asset(connection, asset_id).key, seq)
    if shown is None:
        raise NotFound(f"assets/{asset_id}/statement")
    return shown


def explained_pool(connection: Connection, asset_id: str, seq: int) -> ExplainedPool:
    """Returns the ladder of a pool by the entries, facts and policy of its statement that was current at a commit.

    Raises as ``pool_statement`` does, and Refused for an asset without invoices.
    """
    shown = pool_statement(connection, asset_id, seq)
    if not isinstance(shown.asset.detail, Receivable | ReceivablePool):
        raise Refused("NO_RECEIVABLES", f"assets/{asset_id} has no invoices: name a pool or a receivable")
    return explained_pools(connection, [shown])[0]


def explained_pools(connection: Connection, shown: Iterable[ShownStatement]) -> list[ExplainedPool]:
    """Returns the ladders of pools by their statements; an asset without invoices is left out.

    Pools whose statements are of the same commit are computed together, because they may share lines.
    """
    of_commit: dict[tuple[int, int], list[tuple[ShownStatement, PoolAsset]]] = {}
    for one in shown:
        pool = PoolAsset.of(one.key, one.asset)
        if pool is not None:
            of_commit.setdefault((one.stored.seq, one.stored.policy_key), []).append((one, pool))
    return [found for own in of_commit.values() for found in _explained(connection, own)]


def _explained(connection: Connection, own: Sequence[tuple[ShownStatement, PoolAsset]]) -> list[ExplainedPool]:
    first = own[0][0]
    policy, day, seq = first.policy.policy, first.stored.market_day, first.stored.seq
    kept, (commit,) = kept_ladders(connection), commits_since(connection, seq, 1)
    ladders = {pool.key: kept.get(LadderKey(pool.key, commit)) for _, pool in own}
    rest = [(one, pool) for one, pool in own if ladders[pool.key] is None]
    facts = [pool_facts_at(connection, pool, one.stored.statement.entry_number, day, seq) for one, pool in rest]
    named = [(pool, one.asset.asset_class) for one, pool in rest]
    for (one, pool), lined in zip(rest, with_lines(connection, named, facts, policy, day, seq), strict=True):
        computed = ladder(lined, policy.receivable_numbers(one.asset.asset_class), day)
        kept.keep(LadderKey(pool.key, commit), computed)
        ladders[pool.key] = computed
    return [
        ExplainedPool(
            pool.key, one.asset, one.stored, one.policy_id, found, policy.receivable_numbers(one.asset.asset_class),
            one.estimate,
        )
        for one, pool in own
        if (found := ladders[pool.key]) is not None
    ]  # fmt: skip


def row_of_invoice(pool: ExplainedPool, debtor: str, number: str) -> int:
    """Returns the row of an invoice in the ladder; raises NotFound."""
    ledger = pool.ladder.pool.ledger
    found = ((ledger.debtor == debtor) & (ledger.invoice_number == number)).nonzero()[0]
    if not len(found):
        raise NotFound(f"assets/{pool.asset.asset_id}/debtors/{debtor}/invoices/{number}")
    return int(found[0])
