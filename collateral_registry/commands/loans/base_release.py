"""Finds the largest release from a loan with a borrowing base, whose base may fall by more than the released claim."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from collateral_registry.commands.pipeline.covers import Covered, CoverInputs, cover_inputs, cover_of
from collateral_registry.commands.pipeline.loan_position import LoanPosition
from collateral_registry.domain.loans.controlled_value import floor_of
from collateral_registry.store.book.policies import policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.pledges import read_pledges
from valuation._typing import Int
from valuation.money import PPM


@dataclass(frozen=True)
class BaseRelease:
    """What the base of a loan is computed from before a release of a pledge."""

    inputs: CoverInputs
    day: int
    pledge_key: int

    def largest(self, position: LoanPosition) -> tuple[int, int]:
        """Returns the largest share of the pledge, in millionths, that could be released, and its claim.

        Sublimits that are shares of the base fall with it, so that the share is found by computing the base that would
        remain.
        """
        floor, low, high = floor_of(position.owed, position.target_ppm), 0, PPM
        whole = self._without(0)
        if int(whole.bases.decision[0]) < floor:
            return 0, 0
        while low < high:
            middle = (low + high + 1) // 2
            if int(self._without(middle).bases.decision[0]) >= floor:
                low = middle
            else:
                high = middle - 1
        return low, self._claim(whole) - self._claim(self._without(low))

    def _without(self, released_ppm: int) -> Covered:
        """Returns the cover of the loan as if a share of the pledge were released."""
        pledges, registrations = self.inputs.pledges, self.inputs.registrations
        is_mine = pledges["pledge_key"] == self.pledge_key

        def left(share_ppm: Int) -> Int:
            return np.where(is_mine, share_ppm - -(-share_ppm * released_ppm // PPM), share_ppm)

        inputs = replace(
            self.inputs,
            pledges={**pledges, "share_ppm": left(pledges["share_ppm"])},
            registrations=replace(registrations, share_ppm=left(registrations.share_ppm)),
        )
        return cover_of(inputs, self.day)

    def _claim(self, covered: Covered) -> int:
        claims = covered.decision_claims
        return int(claims["lendable_minor"][claims["pledge_key"] == self.pledge_key].sum())


def base_release(connection: Connection, loan_key: int, pledge_key: int) -> BaseRelease:
    """Reads what the base of a loan is computed from before a release of a pledge."""
    keys = np.array([loan_key], dtype=np.int64)
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day).policy
    inputs = cover_inputs(connection, keys, read_pledges(connection, keys), None, policy, day)
    return BaseRelease(inputs, day, pledge_key)
