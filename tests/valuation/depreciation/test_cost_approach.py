"""The cost approach multiplies the shares left after each kind of obsolescence."""

from __future__ import annotations

import numpy as np
import pytest

from valuation.depreciation.cost_approach import cost_approach
from valuation.errors import InvalidInput


def test_a_machine_at_four_of_ten_years_has_the_worked_value() -> None:
    """An RCN of 1 million with factors 0.9, 0.95 and 0.9 gives 461,700."""
    assert float(cost_approach(1_000_000, 4, 10, 0.9, 0.95, 0.9)) == pytest.approx(461_700.0)


def test_a_column_has_the_values_of_its_single_machines() -> None:
    ages = np.array([0.0, 4.0, 10.0])
    together = cost_approach(1e6, ages, 10.0, 0.9, 0.95, 0.9)
    assert together.tolist() == [float(cost_approach(1e6, age, 10.0, 0.9, 0.95, 0.9)) for age in ages]
    assert together[2] == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1e6, 11, 10, 0.9, 0.95, 0.9), "age_years: got 11.0, want 0 to the life_years"),
        ((1e6, 4, 10, 1.1, 0.95, 0.9), "condition: got 1.1, want 0 to 1"),
        ((1e6, 4, 10, 0.9, -0.1, 0.9), "functional: got -0.1, want 0 to 1"),
        ((1e6, 4, 10, 0.9, 0.95, [0.9, 2.0]), r"economic\[1\]: got 2.0, want 0 to 1"),
    ],
)
def test_an_error_names_the_argument_out_of_range(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        cost_approach(*arguments)
