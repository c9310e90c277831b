"""The position of a loan: its exposure, collateral value, level and coverage as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collateral_registry.commands.pipeline.covers import cover_loans
from collateral_registry.commands.pipeline.judge_loans import judged_loans
from collateral_registry.commands.pipeline.load_inputs import load_inputs
from collateral_registry.commands.pipeline.recompute import NO_KEYS, valued
from collateral_registry.domain.borrowing_base.columns import NO_BASE
from collateral_registry.domain.loans.collateral import ClaimSums, claim_sums, decision_pool_of, owed_of, pool_of
from collateral_registry.domain.loans.dispositions import CoverState
from collateral_registry.domain.loans.levels import Level, LtvBasis, target_ltv
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection, Write
from collateral_registry.store.loans.judgements import newest_judgements
from collateral_registry.store.loans.pledges import read_pledges
from valuation._typing import Int


@dataclass(frozen=True)
class LoanPosition:
    """Exposure, collateral value, level and target ratio of a loan.

    Collateral values are on the loan's basis: ``pool`` is the conservative one, ``good_pool`` counts unknown assets at
    their last good value, and ``decision_pool`` is the conservative one at the lower of the price in use and a newer
    quarantined one. Draws and releases are decided by the last. Of a loan with a borrowing base they are its bases.
    ``claims`` are the sums of its claims on the same basis, without what its base deducts.
    ``owed`` is what the loan is judged by: the used amount under a base, otherwise the exposure. ``unknown`` are bits
    of UnknownReason. Amounts are in minor units.
    """

    exposure: int
    owed: int
    pool: int
    good_pool: int
    decision_pool: int
    watch_ppm: int
    margin_call_ppm: int
    target_ppm: int
    basis: LtvBasis
    judged: Level
    level: Level
    coverage_unknown: bool
    never_valued: bool
    collateral_cure: int
    unknown: int
    has_base: bool
    claims: ClaimSums

    @property
    def cover(self) -> CoverState:
        """The position as an input of the disposition rule."""
        return CoverState(self.owed, self.decision_pool, self.target_ppm, self.coverage_unknown, self.claims)

    @property
    def is_withheld(self) -> bool:
        """Whether a newer, lower price in quarantine reduces what may be drawn or released."""
        return self.decision_pool < self.pool


def position_of(connection: Connection, loan_key: int) -> LoanPosition:
    """Returns the newest judgement of a loan. Every loan is judged when it is registered."""
    return positions_of(connection, np.array([loan_key], dtype=np.int64))[loan_key]


def positions_of(connection: Connection, loan_keys: Int) -> dict[int, LoanPosition]:
    """Returns the newest judgement of each loan."""
    return positions_in(newest_judgements(connection, loan_keys))


def decision_claims(connection: Connection, loan_key: int) -> dict[int, int]:
    """Returns the claim of each active pledge of a loan by which releases are decided, by recorded values.

    The claims are on the loan's basis, at the lower of the price in use and a newer quarantined one.
    """
    keys = np.array([loan_key], dtype=np.int64)
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day).policy
    covered = cover_loans(connection, keys, read_pledges(connection, keys), None, policy, day)
    claims = covered.decision_claims
    lendable = position_of(connection, loan_key).basis == LtvBasis.LENDABLE
    values = claims["lendable_minor" if lendable else "market_minor"]
    return dict(zip(claims["pledge_key"].tolist(), values.tolist(), strict=True))


def preview_positions(write: Write, loan_keys: Int) -> dict[int, LoanPosition]:
    """Returns the positions that the loans would have if they were judged now by current values; records nothing."""
    policy = policy_in_force(write.connection, write.market_day)
    pledges = read_pledges(write.connection, loan_keys)
    assets = np.unique(pledges["asset_key"])
    values = None
    if len(assets):
        loaded = load_inputs(write.connection, assets, policy, [])
        values = valued(write.connection, loaded, policy, write.market_day, write.seq)
    judged = judged_loans(write.connection, loan_keys, pledges, values, policy, write.market_day, NO_KEYS)
    return positions_in(judged.rows)


def positions_in(rows: Columns) -> dict[int, LoanPosition]:
    """Returns the positions in judgements [l], by loan."""
    plain = {name: column.tolist() for name, column in rows.items()}
    return {
        key: _position({name: column[at] for name, column in plain.items()}) for at, key in enumerate(plain["loan_key"])
    }


def _position(row: dict[str, int]) -> LoanPosition:
    return LoanPosition(
        exposure=row["exposure_minor"],
        owed=int(owed_of(row)),
        pool=int(pool_of(row)),
        good_pool=int(pool_of(row, "good_")),
        decision_pool=int(decision_pool_of(row)),
        watch_ppm=row["watch_ppm"],
        margin_call_ppm=row["margin_call_ppm"],
        target_ppm=int(target_ltv(*(np.array(row[name]) for name in ("margin_call_ppm", "buffer_ppm")))),
        basis=LtvBasis(row["basis"]),
        judged=Level(row["judged"]),
        level=Level(row["level"]),
        coverage_unknown=bool(row["coverage_unknown"]),
        never_valued=bool(row["never_valued"]),
        collateral_cure=row["collateral_cure_minor"],
        unknown=row["unknown"],
        has_base=row["base_minor"] != NO_BASE,
        claims=claim_sums(row),
    )
