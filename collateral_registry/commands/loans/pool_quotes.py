"""Quotes what may be lent on several assets together: the cover of a new loan that they would secure (rules.md, 6).

The values, claims and the judgement are computed by the functions that judge recorded loans, from columns to which the
quoted assets, the new loan and its pledges are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from collateral_registry.commands.loans.draws import draw_terms
from collateral_registry.commands.loans.pool_members import Member, checked_members
from collateral_registry.commands.pipeline.covers import CoverInputs, cover_of
from collateral_registry.commands.pipeline.judge_loans import Judged, judged_covers
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, market_for
from collateral_registry.commands.pipeline.loan_position import LoanPosition, positions_in
from collateral_registry.commands.pipeline.recompute import NO_KEYS, valued
from collateral_registry.commands.pipeline.registrations import registrations_of
from collateral_registry.commands.valuations.value import (
    NOT_RECORDED,
    Valued,
    plain_rows,
    valued_at,
    with_last_good_days,
    with_price_units,
)
from collateral_registry.domain.assets.kinds import Asset, Status
from collateral_registry.domain.borrowing_base.columns import BaseInputs
from collateral_registry.domain.borrowing_base.gaps import Gaps
from collateral_registry.domain.loans.agreements import RANK_LIMIT
from collateral_registry.domain.loans.cover import NO_LIMIT
from collateral_registry.domain.loans.cure import largest_draw
from collateral_registry.domain.loans.draws import Headroom, headroom
from collateral_registry.domain.shared.days import NO_DAY
from collateral_registry.domain.valuations.valuation_inputs import AssetFacts, TargetFacts, joined_facts
from collateral_registry.store.book.policies import StoredPolicy, policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.pledges import StoredPledge, active_pledges_by_asset, read_pledges_on
from collateral_registry.store.loans.repository import FROM_POLICY, LIMIT_COLUMNS
from collateral_registry.store.valuations.valuation_inputs import facts_of, read_facts, read_targets
from valuation._typing import Int
from valuation.money import PPM

NEW_LOAN = 0
"""Key of the loan that the pool would secure; keys of recorded loans are greater."""


@dataclass(frozen=True)
class PooledAsset:
    """An asset of a pool: its value and the claim of a new pledge, in the currency of the pool.

    ``senior`` are the active pledges ahead, in the order of their ranks. ``rank`` is that of the new pledge; 0 if no
    pledge may stand behind them, or none may be made at all.
    """

    valued: Valued
    rank: int
    senior: Sequence[StoredPledge]
    market_claim: int
    lendable_claim: int


@dataclass(frozen=True)
class PoolQuote:
    """The judgement of a new loan without debt that the pool secures, and what may be lent, in minor units."""

    assets: Sequence[PooledAsset]
    currency: str
    judgement: Mapping[str, Any]
    position: LoanPosition
    largest_principal: int
    headroom: Headroom
    policy_id: str


@dataclass(frozen=True)
class _Pool:
    """The members of a pool with their facts: the drafts, whose keys are negative, and then the registered assets.

    ``row`` [m] is the row of each member, and ``target`` [m] that of its target in the currency of the pool. Targets
    that are not recorded have negative keys.
    """

    members: Sequence[Member]
    loaded: LoadedInputs
    row: Int
    target: Int

    @property
    def asset_key(self) -> Int:
        """Key of each member [m]."""
        return self.loaded.assets.asset_key[self.row]


def quote_pool(connection: Connection, members: Sequence[str | Asset], currency: str) -> PoolQuote:
    """Returns what may be lent in a currency on assets together, each of them an id or a draft that is not registered.

    Raises NotFound for an id, InvalidInput where the registration of a draft would, and InvalidInput or AlreadyExists
    for an asset that is stated twice or is registered.
    """
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day)
    pool = _load(connection, checked_members(connection, members, day), currency, policy)
    values = valued(connection, pool.loaded, policy, day, NOT_RECORDED)
    senior = active_pledges_by_asset(connection, pool.asset_key)
    ahead = [senior.get(int(key), []) for key in pool.asset_key]
    ranks = np.array([_rank(*one) for one in zip(ahead, pool.members, strict=True)], dtype=np.int64)
    judged = _judged(connection, pool, values, ranks, currency, policy, day)
    position = positions_in(judged.rows)[NEW_LOAN]
    return PoolQuote(
        assets=_pooled(connection, pool, values, ranks, ahead, judged, policy),
        currency=currency,
        judgement={name: column[0].item() for name, column in judged.rows.items()},
        position=position,
        largest_principal=largest_draw(0, position.decision_pool, position.target_ppm),
        headroom=headroom(draw_terms(position)),
        policy_id=policy.policy.policy_id,
    )


def _load(connection: Connection, members: Sequence[Member], currency: str, policy: StoredPolicy) -> _Pool:
    drafts = [one for one in members if one.key < 0]
    keys = np.array([one.key for one in members], dtype=np.int64)
    registered = read_facts(connection, np.sort(keys[keys > 0]))
    assets = joined_facts([*(facts_of(connection, one.asset, one.key) for one in drafts), registered])
    targets = _targets(connection, assets, currency)
    in_pool = np.flatnonzero(targets.currency == currency)
    target_of_row = np.zeros(len(keys), dtype=np.int64)
    target_of_row[targets.asset_row[in_pool]] = in_pool
    row = np.searchsorted(assets.asset_key, keys).astype(np.int64)
    return _Pool(
        members,
        LoadedInputs(
            assets,
            targets,
            market_for(connection, assets, targets, policy, []),
            {one.key: one.asset.detail for one in drafts},
        ),
        row,
        target_of_row[row],
    )


def _targets(connection: Connection, assets: AssetFacts, currency: str) -> TargetFacts:
    """Returns the recorded targets of the assets, and before them new ones that they need.

    Every asset needs a target in the currency of the pool and, as if it were registered, one in its own.
    """
    recorded = read_targets(connection, assets, assets.asset_key[assets.asset_key > 0])
    known = {*zip(recorded.asset_row.tolist(), recorded.currency.tolist(), strict=True)}
    needed = {(at, code) for at, own in enumerate(assets.currency.tolist()) for code in (own, currency)}
    new = sorted(needed - known)
    return TargetFacts(
        np.concatenate([np.arange(-len(new), 0, dtype=np.int64), recorded.target_key]),
        np.concatenate([np.array([at for at, _ in new], dtype=np.int64), recorded.asset_row]),
        np.concatenate([np.array([code for _, code in new], dtype=object), recorded.currency]),
    )


def _rank(senior: Sequence[StoredPledge], member: Member) -> int:
    """Returns the rank of a new pledge behind the active ones; 0 if PledgeAsset would refuse it."""
    rank = senior[-1].pledge.rank + 1 if senior else 1
    is_blocked = any(row.pledge.limit is None for row in senior) or member.asset.status == Status.RETIRED
    return 0 if is_blocked or rank > RANK_LIMIT else rank


def _judged(
    connection: Connection, pool: _Pool, values: Columns, ranks: Int, currency: str, policy: StoredPolicy, day: int
) -> Judged:
    """Returns the judgement of a new loan without debt to which the members are pledged at their ranks."""
    assets, targets = pool.loaded.assets, pool.loaded.targets
    own = assets.currency[targets.asset_row] == targets.currency
    pledges = _with_new_pledges(read_pledges_on(connection, pool.asset_key[pool.asset_key > 0]), pool, ranks)
    loan = dict.fromkeys(("ltv_basis", *LIMIT_COLUMNS), FROM_POLICY)
    loan |= {"loan_key": NEW_LOAN, "exposure_minor": 0, "balance_day": day}
    loan |= {"credit_limit_minor": NO_LIMIT, "maturity_day": NO_DAY, "contingent_minor": 0}
    inputs = CoverInputs(
        loans={
            **{name: np.array([value], dtype=np.int64) for name, value in loan.items()},
            "currency": np.array([currency], dtype=object),
        },
        pledges=pledges,
        registrations=registrations_of(connection, pledges, policy.policy, day),
        targets={
            "target_key": targets.target_key,
            "asset_key": assets.asset_key[targets.asset_row],
            "prior_claims_minor": np.where(own, assets.prior_claims_minor[targets.asset_row], 0),
        },
        values=values,
        bases=BaseInputs.none(len(pledges["pledge_key"])),
        gaps=Gaps.none(len(pledges["pledge_key"])),
    )
    return judged_covers(connection, cover_of(inputs, day), policy, day, NO_KEYS)


def _with_new_pledges(recorded: Columns, pool: _Pool, ranks: Int) -> Columns:
    """Returns the pledges of the pool, each registered, whole and without a limit, before the recorded ones.

    The key of a new pledge is the place of its member less their number.
    """
    at = np.flatnonzero(ranks > 0)
    same = {"loan_key": NEW_LOAN, "share_ppm": PPM, "limit_minor": NO_LIMIT}
    same |= {"is_registered": 1, "registration_expire_day": NO_DAY}
    new: Columns = {
        "pledge_key": at - len(ranks),
        "asset_key": pool.asset_key[at],
        "target_key": pool.loaded.targets.target_key[pool.target[at]],
        "rank": ranks[at],
        **{name: np.full(len(at), value, dtype=np.int64) for name, value in same.items()},
    }
    return {name: np.concatenate([new[name], column]) for name, column in recorded.items()}


def _pooled(
    connection: Connection,
    pool: _Pool,
    values: Columns,
    ranks: Int,
    ahead: Sequence[Sequence[StoredPledge]],
    judged: Judged,
    policy: StoredPolicy,
) -> list[PooledAsset]:
    """Returns the members with their values and claims."""
    claims = {name: np.zeros(len(ranks), dtype=np.int64) for name in ("market_minor", "lendable_minor")}
    for name, column in claims.items():
        column[judged.claims["pledge_key"] + len(ranks)] = judged.claims[name]
    rows = plain_rows(values)
    members = zip(pool.members, pool.target, strict=True)
    current = [valued_at(rows, int(target), pool.loaded, member.asset, policy) for member, target in members]
    valued = with_price_units(connection, with_last_good_days(connection, current))
    found = []
    for at, (one, senior) in enumerate(zip(valued, ahead, strict=True)):
        market, lendable = (int(column[at]) for column in claims.values())
        found.append(PooledAsset(one, int(ranks[at]), senior, market, lendable))
    return found
