"""Values a pool from entries that are all of its ledger, by the functions that value a recorded pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from collateral_registry.commands.pools.estimates import estimate_of
from collateral_registry.commands.pools.explain import ExplainedPool, ShownStatement
from collateral_registry.commands.pools.inputs import PoolAsset, PoolInput, pool_input_of
from collateral_registry.commands.pools.lines import with_lines
from collateral_registry.domain.assets.claims import ReceivablePool
from collateral_registry.domain.assets.kinds import Asset
from collateral_registry.domain.assignments.assumed import AssumedAssignment
from collateral_registry.domain.book.policy import check_class
from collateral_registry.domain.feeds.items import Problems
from collateral_registry.domain.receivables.changes.computed_pool import computed
from collateral_registry.domain.receivables.estimates.history import history_of_effects
from collateral_registry.domain.receivables.ledgers.entries import Entries
from collateral_registry.domain.receivables.ledgers.stated_ledger import StatedLedger, ledger_of_entries
from collateral_registry.domain.receivables.pool_ladder import ladder
from collateral_registry.domain.receivables.pool_statement import statement_of
from collateral_registry.domain.receivables.rule_numbers import ReceivableNumbers
from collateral_registry.domain.shared.errors import located
from collateral_registry.domain.valuations.pool_values import PoolValue, pool_value
from collateral_registry.store.assets.repository import get_asset
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.pool_statements import StoredStatement
from valuation.errors import InvalidInput

NOT_RECORDED = 0
"""Sequence of a statement that is not recorded, and key of a pool that is not registered."""


class QuoteAssumption(IntEnum):
    """What a quote rests on that is not recorded; the numeric values are sent."""

    ASSIGNMENT = 1
    REGISTRY_SEARCH = 2
    CONTRACT_TERMS = 3
    NO_DEBTOR_LIMITS = 4
    DATE = 5
    REJECTED_ENTRIES = 6


@dataclass(frozen=True)
class PoolToQuote:
    """A pool to be valued from its entries on a day: the id of a registered one, or a draft.

    Without a day it is valued on the business date. ``assumed`` is of a draft only.
    """

    pool: str | Asset
    entries: Entries
    day: int | None = None
    assumed: AssumedAssignment | None = None


@dataclass(frozen=True)
class QuotedPool:
    """A pool as its statement would show it, with the ladder of its invoices.

    ``value`` has the reasons for which it, or a part of it, would be unknown. ``problems`` are those of rejected rows.
    """

    shown: ShownStatement
    explained: ExplainedPool
    value: PoolValue
    assumptions: Sequence[QuoteAssumption]
    problems: Problems


def quote_pool_of_entries(connection: Connection, wanted: PoolToQuote, now_us: int) -> QuotedPool:
    """Returns the quote of a pool. An entry is dated in the future if it is after ``now_us``.

    Raises NotFound for an unknown pool, and InvalidInput for an asset that is none, a class that the policy does not
    state, and an assumption about a registered pool.
    """
    _, today = newest_commit(connection)
    stored_policy = policy_in_force(connection, today)
    policy, day = stored_policy.policy, today if wanted.day is None else wanted.day
    key, asset, pool = _pool(connection, wanted)
    with located("draft" if wanted.pool is asset else ""):
        check_class(policy, asset.asset_class)
    numbers = policy.receivable_numbers(asset.asset_class)
    stated = ledger_of_entries(wanted.entries, _pool_id(wanted, asset), now_us)
    given = pool_input_of(connection, pool, stated.ledger, day)
    if key == NOT_RECORDED:
        given = _assumed(connection, given, stated, wanted.assumed, numbers)
    (facts,) = with_lines(connection, [(pool, asset.asset_class)], [given.facts], policy, day)
    made, terms, ledger = computed(facts, numbers, day), facts.terms, stated.ledger
    value = pool_value(made, terms, ledger.entry_day, numbers, day)
    statement = statement_of(made, ledger.entry_number, (value.conservative, value.last_good))
    shown = ShownStatement(
        key,
        asset,
        StoredStatement(NOT_RECORDED, day, stored_policy.key, statement),
        stored_policy,
        given.known.estimate,
        value.dilution_ppm,
    )
    explained = ExplainedPool(
        key, asset, shown.stored, shown.policy_id, ladder(facts, numbers, day), numbers, shown.estimate
    )
    assumptions = _assumptions(wanted, stated.problems, is_today=day == today)
    return QuotedPool(shown, explained, value, assumptions, stated.problems)


def _pool(connection: Connection, wanted: PoolToQuote) -> tuple[int, Asset, PoolAsset]:
    """Returns key, asset and pool; raises as ``quote_pool_of_entries`` does."""
    if isinstance(wanted.pool, str):
        stored = get_asset(connection, wanted.pool)
        key, asset, field = stored.key, stored.asset, "name"
    else:
        key, asset, field = NOT_RECORDED, wanted.pool, "draft.receivable_pool"
    if not isinstance(asset.detail, ReceivablePool):
        raise InvalidInput(field, f"an asset of kind {asset.detail.kind.name}", "a pool of receivables")
    if key != NOT_RECORDED and wanted.assumed is not None:
        want = "none for a registered pool, whose assignments are recorded"
        raise InvalidInput("assumed_assignment", "an assumption", want)
    return key, asset, PoolAsset(key, asset.asset_id, asset.currency, asset.detail)


def _pool_id(wanted: PoolToQuote, asset: Asset) -> str:
    """Returns the id by which the entries name the pool; that of a draft is the one that they name."""
    if isinstance(wanted.pool, str):
        return asset.asset_id
    return next((pool for pool in wanted.entries.pool if pool), asset.asset_id)


def _assumed(
    connection: Connection,
    given: PoolInput,
    stated: StatedLedger,
    assumed: AssumedAssignment | None,
    numbers: ReceivableNumbers,
) -> PoolInput:
    """Returns a pool that is not registered with what is assumed of it, and with the estimate by its entries."""
    known, ledger = given.known, given.facts.ledger
    history = history_of_effects(stated.effects, known.asset.currency)
    estimate = estimate_of(connection, ledger, history, known.asset.currency, numbers, known.day)
    if estimate.states_something:
        known = known.estimated(estimate)
    if assumed is not None:
        known = replace(known, records=assumed.records(known.day, known.debtor_of))
    return PoolInput(known.facts(ledger), known)


def _assumptions(wanted: PoolToQuote, problems: Problems, *, is_today: bool) -> list[QuoteAssumption]:
    assumed, kind = wanted.assumed, QuoteAssumption
    holds = (
        (assumed is not None, kind.ASSIGNMENT),
        (assumed is not None and assumed.search is not None, kind.REGISTRY_SEARCH),
        (assumed is not None and assumed.contracts_permit, kind.CONTRACT_TERMS),
        (not isinstance(wanted.pool, str), kind.NO_DEBTOR_LIMITS),
        (not is_today, kind.DATE),
        (bool(problems), kind.REJECTED_ENTRIES),
    )
    return [one for is_true, one in holds if is_true]
