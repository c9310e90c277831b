"""Tests of haircut parts."""

import numpy as np
import pytest

from valuation.errors import InvalidInput
from valuation.haircuts.composition.parts import PART_NAMES, HaircutParts


def parts(**given):
    columns = {name: np.array([0.1, 0.2]) for name in PART_NAMES}
    return HaircutParts(**columns | given)


def test_parts_are_in_the_order_in_which_they_apply():
    legal = np.array([0.3, 0.4])

    assert parts(legal=legal).as_rows()[-1] is legal
    assert len(parts().as_rows()) == len(PART_NAMES) == 5


@pytest.mark.parametrize("name", PART_NAMES)
@pytest.mark.parametrize("value", [-0.01, 1.2, np.inf, -np.inf])
def test_the_error_names_a_part_outside_its_range_and_its_row(name, value):
    with pytest.raises(InvalidInput, match=rf"{name} haircut\[1\]: got {value}, want 0 to 1"):
        parts(**{name: np.array([0.0, value])})


def test_a_missing_part_is_accepted():
    assert np.isnan(parts(market=np.array([np.nan, 0.0])).market[0])


def test_columns_of_different_length_are_refused():
    with pytest.raises(InvalidInput, match="cost haircut: got 3 rows, want 2"):
        parts(cost=np.zeros(3))
