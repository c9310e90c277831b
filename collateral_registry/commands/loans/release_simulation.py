"""Simulates the release of goods from a lot by judging the coverage of its loans with a smaller quantity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from collateral_registry.commands.pipeline.covers import Covered, cover_loans
from collateral_registry.commands.pipeline.load_inputs import LoadedInputs, market_for
from collateral_registry.commands.pipeline.loan_position import LoanPosition
from collateral_registry.commands.pipeline.recompute import valuation_columns
from collateral_registry.domain.loans.collateral import ClaimSums
from collateral_registry.domain.loans.controlled_value import floor_of
from collateral_registry.domain.loans.dispositions import CoverState, disposition_refusal
from collateral_registry.domain.valuations.appraise import appraise
from collateral_registry.store.book.policies import StoredPolicy, policy_in_force
from collateral_registry.store.engine.bulk import Columns
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.store.loans.pledges import loans_of_assets, read_pledges
from collateral_registry.store.stock.claims_by_place import quantity_of
from collateral_registry.store.valuations.valuation_inputs import read_facts, read_targets
from valuation._typing import Int

CACHED_QUANTITIES = 128
"""Number of quantities whose collateral values are cached while one question is answered."""


@dataclass(frozen=True)
class ReleaseScenario:
    """A lot with the current positions of its loans. ``counted`` is its counted quantity in millionths.

    ``covers`` returns the cover of each loan after the given number of millionths has left.
    """

    counted: int
    positions: dict[int, LoanPosition]
    covers: Callable[[int], dict[int, CoverState]]
    in_doubt: bool

    @property
    def coverage_unknown(self) -> bool:
        """Whether the coverage of any loan on the lot is unknown or in doubt."""
        return self.in_doubt or any(position.coverage_unknown for position in self.positions.values())

    def terms_of(self, loan_key: int) -> tuple[int, int, int]:
        """Returns the current exposure, collateral value and target ratio of a loan."""
        position = self.positions[loan_key]
        return position.owed, position.decision_pool, position.target_ppm

    def claim_of(self, loan_key: int) -> int:
        """Returns the collateral value that a loan would lose if the whole lot left."""
        return self.pool_after(loan_key, 0) - self.pool_after(loan_key, self.counted)

    def pool_after(self, loan_key: int, quantity: int) -> int:
        """Returns the collateral value of a loan after ``quantity`` millionths have left."""
        return self.covers(quantity)[loan_key].pool

    def uncovered_after(self, quantity: int) -> list[int]:
        """Returns the keys of the loans for which this quantity may not leave (domain/loans/dispositions.py)."""
        covers = self.covers(quantity)
        return [
            key
            for key, position in self.positions.items()
            if disposition_refusal(position.cover, covers[key], removes=True)
        ]


def counted_quantity(connection: Connection, asset_key: int) -> int:
    """Returns the counted part of a lot's quantity, in millionths of its unit."""
    facts = read_facts(connection, np.array([asset_key], dtype=np.int64))
    quantity, share = quantity_of(connection, asset_key), float(facts.inventory["counted_share"][0])
    return round(quantity * share) if share < 1.0 else quantity


def simulate_release(connection: Connection, asset_key: int, positions: Mapping[int, LoanPosition]) -> ReleaseScenario:
    """Reads a lot and its market data once, so that any number of quantities can be simulated.

    ``positions`` are those of the loans on the lot.
    """
    keys = np.array([asset_key], dtype=np.int64)
    _, day = newest_commit(connection)
    policy = policy_in_force(connection, day)
    facts = read_facts(connection, keys)
    targets = read_targets(connection, facts, keys)
    loaded = LoadedInputs(facts, targets, market_for(connection, facts, targets, policy, []))
    loan_keys = loans_of_assets(connection, keys)
    positions = {int(key): positions[int(key)] for key in loan_keys}
    quantity, counted = quantity_of(connection, asset_key), counted_quantity(connection, asset_key)

    @lru_cache(CACHED_QUANTITIES)
    def covers(left: int) -> dict[int, CoverState]:
        rest = max(counted - left, 0) / quantity if quantity else 0.0
        return _covers(_covered(connection, loaded, policy, day, loan_keys, rest), positions)

    whole = _covered(connection, loaded, policy, day, loan_keys, counted / quantity if quantity else 0.0)
    return ReleaseScenario(counted, positions, covers, _in_doubt(whole, positions))


def _in_doubt(covered: Covered, positions: dict[int, LoanPosition]) -> bool:
    """Returns whether the coverage depends on a value that is unknown today.

    The newest judgements may be of an earlier day, because the business date may have moved while its revaluation run
    has not finished.
    """
    collateral, in_doubt = covered.collateral(_basis(covered, positions)), False
    safe, good = collateral.conservative, collateral.last_good
    for at, key in enumerate(covered.loans["loan_key"].tolist()):
        owed, never_valued = positions[key].owed, covered.pools.never_valued[at]
        floor = floor_of(owed, positions[key].target_ppm)
        in_doubt |= owed > 0 and bool(never_valued or (safe[at] >= floor) != (good[at] >= floor))
    return in_doubt


def _covers(covered: Covered, positions: Mapping[int, LoanPosition]) -> dict[int, CoverState]:
    """Returns the positions of the loans as inputs of the disposition rule, with new collateral."""
    basis = _basis(covered, positions)
    pools, sums = covered.collateral(basis).decision.tolist(), covered.claim_sums(basis)
    claims = zip(*(values.tolist() for values in (sums.conservative, sums.last_good, sums.decision)), strict=True)
    return {
        key: replace(positions[key].cover, pool=pool, claims=ClaimSums(*of_loan))
        for key, pool, of_loan in zip(covered.loans["loan_key"].tolist(), pools, claims, strict=True)
    }


def _basis(covered: Covered, positions: Mapping[int, LoanPosition]) -> Int:
    """Returns the basis of each loan [l]."""
    return np.array([int(positions[key].basis) for key in covered.loans["loan_key"].tolist()], dtype=np.int64)


def _covered(
    connection: Connection, loaded: LoadedInputs, policy: StoredPolicy, day: int, loan_keys: Int, share: float
) -> Covered:
    """Returns the coverage of the loans as if only a share of the lot's quantity counted."""
    inventory = {**loaded.assets.inventory, "counted_share": np.array([share])}
    assets = replace(loaded.assets, inventory=inventory)
    appraisal = appraise(assets, loaded.targets, loaded.market, policy.policy, day)
    values = valuation_columns(connection, replace(loaded, assets=assets), appraisal, policy, day)
    counted = float(loaded.assets.inventory["counted_share"][0])
    values |= _remaining(values, min(share / counted, 1.0) if counted else 1.0)
    return cover_loans(connection, loan_keys, read_pledges(connection, loan_keys), values, policy.policy, day)


def _remaining(values: Columns, part: float) -> Columns:
    """Returns the last good values of which a part remains, where they stand for an unknown value of the lot."""
    unknown = values["unknown"] != 0
    names = ("good_market_minor", "good_lendable_minor")
    return {name: np.where(unknown, np.floor(values[name] * part).astype(np.int64), values[name]) for name in names}
