"""Liquidation values: arithmetic, order and refused factors."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.depreciation.bases import Realisation, liquidation_values, orderly_from_forced
from valuation.errors import InvalidInput


def realisation(olv: float = 0.85, flv: float = 0.70, sale: float = 0.10, removal: float = 0.05) -> Realisation:
    """Returns the factors of one machine."""
    return Realisation(np.array([olv]), np.array([flv]), np.array([sale]), np.array([removal]))


def test_nolv_is_olv_less_costs() -> None:
    """An OLV of 500,000 less 20 % costs gives an NOLV of 400,000."""
    values = liquidation_values(np.array([625_000.0]), realisation(olv=0.80, sale=0.15, removal=0.05))
    assert values.olv.tolist() == [500_000.0]
    assert values.nolv == pytest.approx([400_000.0])


def test_the_bases_fall_in_order() -> None:
    values = liquidation_values(np.array([100.0]), realisation())
    assert 100.0 > values.olv[0] > values.nolv[0] > values.flv[0] > 0.0


def test_costs_of_all_proceeds_leave_an_nolv_of_zero() -> None:
    assert liquidation_values(np.array([100.0]), realisation(sale=0.6, removal=0.4)).nolv == pytest.approx([0.0])


def test_the_olv_is_halfway_between_fmv_and_flv() -> None:
    assert orderly_from_forced(np.array([100.0]), np.array([60.0])).tolist() == [80.0]
    with pytest.raises(InvalidInput, match=r"flv\[0\]: got 120.0, want 0 to the fmv"):
        orderly_from_forced(np.array([100.0]), np.array([120.0]))


def test_an_unknown_factor_makes_only_its_own_basis_unknown() -> None:
    values = liquidation_values(np.array([100.0]), realisation(flv=np.nan))
    assert np.isnan(values.flv[0])
    assert values.olv[0] == 85.0


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"olv": 1.2}, r"olv_factor\[0\]: got 1.2, want 0 to 1"),
        ({"flv": 0.9}, r"flv_factor\[0\]: got 0.9, want at most the olv_factor"),
        ({"sale": 0.7, "removal": 0.5}, r"sale_cost_share \+ removal_cost_share\[0\]: got 1.2, want 0 to 1"),
    ],
)
def test_factors_out_of_range_or_order_are_refused(factors: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        realisation(**factors)
