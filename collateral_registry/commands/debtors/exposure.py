"""Shows what a debtor owes over the whole book, pool by pool, as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.commands.pools.explain import ExplainedPool, explained_pools, shown_statement
from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.receivables.debtor_lines import line_claim, line_of
from collateral_registry.domain.receivables.pool_facts import NO_LINE
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.shared.errors import NotFound
from collateral_registry.domain.shared.money import Money
from collateral_registry.store.debtors.facts import debtor_facts, led_to
from collateral_registry.store.debtors.repository import get_debtor
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.valuations.past_values import targets_at, values_at
from collateral_registry.store.valuations.pool_debtors import pools_naming
from valuation.receivables.rules import Rule


@dataclass(frozen=True)
class PoolExposure:
    """What a debtor owes in one pool by the statement of commit ``seq``, in minor units of the pool's currency.

    ``late_minor`` is older or longer past due than the policy allows. ``claimed_minor`` is what the pool claims of the
    debtor's line, 0 without one. The last sums are conservative.
    """

    asset: Asset
    seq: int
    invoices: int
    open_minor: int
    late_minor: int
    unknown_minor: int
    eligible_minor: int
    lendable_minor: int
    claimed_minor: int
    unknown: int

    @property
    def excluded_minor(self) -> int:
        """What the rules exclude."""
        return self.open_minor - self.unknown_minor - self.eligible_minor


@dataclass(frozen=True)
class DebtorExposure:
    """A debtor over the whole book: its line at the moment, None for none, and its pools in the order of their ids.

    ``available_minor`` is the line on its days, 0 after its last one, and ``claimed_minor`` what pools in its currency
    claim of it.
    """

    debtor_id: str
    moment: Moment
    line: Money | None
    line_expire_day: int
    available_minor: int
    pools: Sequence[PoolExposure]

    @property
    def claimed_minor(self) -> int:
        """What the pools claim of the line; 0 without one."""
        currency = "" if self.line is None else self.line.currency
        return sum(one.claimed_minor for one in self.pools if one.asset.currency == currency)

    @property
    def headroom_minor(self) -> int:
        """What the line leaves; negative if more is claimed, which the line then cuts."""
        return self.available_minor - self.claimed_minor


def debtor_exposure(connection: Connection, debtor_id: str, moment: Moment) -> DebtorExposure:
    """Returns the exposure to a debtor, or to the debtor into which it was merged, as of a moment.

    Raises NotFound for a debtor that was not registered then.
    """
    stored = get_debtor(connection, debtor_id)
    facts = debtor_facts(connection, [stored.debtor.debtor_id], moment.seq)
    key = int(facts.debtor_key[0])
    if not key:
        raise NotFound(f"debtors/{debtor_id}")
    keys, texts = led_to(connection, [key])
    naming = pools_naming(connection, np.array(sorted(keys), dtype=np.int64), texts)
    shown = [shown_statement(connection, one, moment.seq) for one in naming.tolist()]
    pools = explained_pools(connection, [one for one in shown if one is not None])
    line_minor, currency = int(facts.line_minor[0]), str(facts.line_currency[0])
    has_line = line_minor != NO_LINE
    unknown = _unknown_wholly(connection, pools, moment.seq)
    owed = [one for pool in pools if (one := _exposure(pool, key, unknown.get(pool.key, 0), has_line=has_line))]
    return DebtorExposure(
        debtor_id=debtor_id,
        moment=moment,
        line=Money(line_minor, currency) if has_line else None,
        line_expire_day=int(facts.line_expire_day[0]) if has_line else NO_DAY,
        available_minor=line_of(facts, 0, currency, moment.market_day) if has_line else 0,
        pools=sorted(owed, key=lambda one: one.asset.asset_id),
    )


def _unknown_wholly(connection: Connection, pools: Sequence[ExplainedPool], seq: int) -> dict[int, int]:
    """Returns the reasons for which whole pools are unknown as of a commit, by the keys of their assets."""
    currencies = {pool.key: pool.asset.currency for pool in pools}
    targets = targets_at(connection, np.array(sorted(currencies), dtype=np.int64), seq)
    named = zip(targets.target_key.tolist(), targets.asset_key.tolist(), targets.currency.tolist(), strict=True)
    own = {target: key for target, key, currency in named if currency == currencies[key]}
    values = values_at(connection, np.array(sorted(own), dtype=np.int64), seq)
    found = zip(values["target_key"].tolist(), values["unknown"].tolist(), strict=True)
    return {own[target]: reasons for target, reasons in found}


def _exposure(pool: ExplainedPool, debtor_key: int, unknown: int, *, has_line: bool) -> PoolExposure | None:
    """Returns what a debtor owes in a pool; None if the pool has no open invoice of it.

    ``unknown`` are the reasons for which the whole pool is unknown.
    """
    ladder, resolved = pool.ladder, pool.ladder.pool.resolved
    is_debtor = ladder.pool.debtors.debtor_key[resolved.row] == debtor_key
    own = is_debtor[resolved.of_invoice] & (ladder.pool.ledger.open_minor > 0)
    if not own.any():
        return None
    truths = dict(ladder.part.rules)
    late = truths[Rule.OVER_AGE].true | truths[Rule.PAST_DUE].true
    sums, buckets = ladder.conservative, ladder.conservative.buckets
    has_claim = has_line and pool.asset.status is not Status.RETIRED
    claim = (
        line_claim(pool.key, ladder.pool, debtor_key, pool.numbers, ladder.part.day).amount_minor if has_claim else 0
    )
    return PoolExposure(
        asset=pool.asset,
        seq=pool.stored.seq,
        invoices=int(np.count_nonzero(own)),
        open_minor=int(ladder.pool.ledger.open_minor[own].sum()),
        late_minor=int(ladder.pool.ledger.open_minor[own & late].sum()),
        unknown_minor=int(buckets.unknown_minor[own].sum()),
        eligible_minor=int(buckets.eligible_minor[own].sum()),
        lendable_minor=0 if unknown else int(sums.lendable.share_minor[own].sum()),
        claimed_minor=claim,
        unknown=unknown,
    )
