"""Runs dispositions: changes by choice, which may never uncover a covered loan.

Pending stock is applied and the change is judged in one transaction; what is refused leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np

from collateral_registry.commands.loans.up_to_date import touch_current_facts
from collateral_registry.commands.pipeline.loan_position import LoanPosition, positions_of, preview_positions
from collateral_registry.commands.pipeline.settle import reconcile_touched, settle
from collateral_registry.domain.loans.dispositions import DispositionRefusal, disposition_refusal
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.store.engine.database import Write
from collateral_registry.store.loans.pledges import loans_of_assets
from valuation._typing import Int

T = TypeVar("T")

UNKNOWN_MESSAGE = "coverage is UNKNOWN: nothing is released until every asset that decides the level can be valued"

Positions = Mapping[int, LoanPosition]
"""The position of each loan by its key."""

Explain = Callable[[Positions, int], Refused]
"""Builds the refusal for the loan of a key that would be uncovered, from the positions before the disposition."""


def dispose(
    write: Write,
    asset_key: int,
    loan_keys: Collection[int],
    change: Callable[[Positions], T],
    *,
    removes: Collection[int],
    explain: Explain,
) -> T:
    """Makes a change by choice to what an asset secures, and checks every loan on the asset.

    ``change`` gets the positions before it. ``loan_keys`` are loans of the change that have no pledge on the asset yet,
    ``removes`` the loans from which the change takes something. Pending stock of these loans is applied first. Raises
    Refused, COVERAGE_UNKNOWN or as ``explain`` states, if the change would uncover a loan.
    """
    loans = loans_on(write, asset_key, loan_keys)
    before = current_positions(write, loans)
    result = change(before)
    write.touched.add(claims=[asset_key], loans=loans)
    settle(write)
    after = positions_of(write.connection, loans)
    for key, position in after.items():
        refusal = disposition_refusal(before[key].cover, position.cover, removes=key in removes)
        if refusal == DispositionRefusal.COVERAGE_UNKNOWN:
            raise Refused("COVERAGE_UNKNOWN", UNKNOWN_MESSAGE)
        if refusal is not None:
            raise explain(before, key)
    return result


def loans_on(write: Write, asset_key: int, more: Collection[int]) -> Int:
    """Returns the keys of the active loans that an asset secures, and of the further loans given."""
    secured = loans_of_assets(write.connection, np.array([asset_key], dtype=np.int64))
    return np.union1d(secured, np.array(sorted(more), dtype=np.int64))


def current_positions(write: Write, loan_keys: Int) -> dict[int, LoanPosition]:
    """Returns the positions of the loans with all pending stock applied, for the business date; records nothing yet."""
    touch_current_facts(write, loan_keys)
    reconcile_touched(write)
    return preview_positions(write, loan_keys)
