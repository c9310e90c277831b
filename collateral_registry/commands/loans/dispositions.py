"""Executes dispositions: voluntary changes, which may never uncover a covered loan.

What feeds have reported is applied, and the change is judged, in one transaction. A refused change leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

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
R_co = TypeVar("R_co", covariant=True)

UNKNOWN_MESSAGE = "coverage is UNKNOWN: nothing is released until every asset that decides the level can be valued"

Positions = Mapping[int, LoanPosition]
"""The position of each loan by its key."""

Explain = Callable[[Positions, int], Refused]
"""Builds the refusal for the loan with a key, which would be uncovered, from the positions before the disposition."""


@dataclass(frozen=True)
class Disposition(Generic[R_co]):
    """A voluntary change to what an asset secures.

    ``loan_keys`` are the loans that the change concerns although they have no pledge on the asset yet. ``removes`` are
    the loans that lose collateral. ``check`` receives the loans' positions before the disposition, and raises Refused
    if the disposition breaks a rule of its own kind. ``apply`` makes the change. ``explain`` builds the refusal for a
    loan that would be uncovered.
    """

    asset_key: int
    loan_keys: Collection[int]
    removes: Collection[int]
    check: Callable[[Positions], None]
    apply: Callable[[], R_co]
    explain: Explain


def dispose(write: Write, disposition: Disposition[T]) -> T:
    """Applies what is pending, makes a disposition, and judges every loan on the asset.

    If a loan would be uncovered, raises Refused with COVERAGE_UNKNOWN or with the disposition's own refusal.
    """
    loans = loans_on(write, disposition)
    before = _current_positions(write, loans)
    disposition.check(before)
    result = _apply(write, disposition, loans)
    for key, position in positions_of(write.connection, loans).items():
        refusal = disposition_refusal(before[key].cover, position.cover, removes=key in disposition.removes)
        if refusal == DispositionRefusal.COVERAGE_UNKNOWN:
            raise Refused("COVERAGE_UNKNOWN", UNKNOWN_MESSAGE)
        if refusal is not None:
            raise disposition.explain(before, key)
    return result


def apply_unchecked(write: Write, disposition: Disposition[T]) -> T:
    """Makes a change even if it uncovers a loan, and judges its loans. Used for approved overrides and for facts."""
    loans = loans_on(write, disposition)
    touch_current_facts(write, loans)
    return _apply(write, disposition, loans)


def loans_on(write: Write, disposition: Disposition[object]) -> Int:
    """Returns the keys of the active loans that a disposition concerns."""
    secured = loans_of_assets(write.connection, np.array([disposition.asset_key], dtype=np.int64))
    return np.union1d(secured, np.array(sorted(disposition.loan_keys), dtype=np.int64))


def _apply(write: Write, disposition: Disposition[T], loans: Int) -> T:
    result = disposition.apply()
    write.touched.add(claims=[disposition.asset_key], loans=loans)
    settle(write)
    return result


def _current_positions(write: Write, loan_keys: Int) -> dict[int, LoanPosition]:
    """Returns the loans' positions on the business date with all that is pending applied; records nothing yet."""
    touch_current_facts(write, loan_keys)
    reconcile_touched(write)
    return preview_positions(write, loan_keys)
