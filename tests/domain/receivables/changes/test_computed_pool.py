"""A pool that is computed change by change equals the pool that is computed as a whole."""

import pytest

from tests.support.changing_pools import follow


@pytest.mark.parametrize("mode", "1234")
def test_random_changes_of_one_group_each_end_in_the_pool_computed_as_a_whole(mode):
    moved = follow(mode, changes=100, every=5)

    assert (moved > 10) == (mode != "4")  # without a limit on shares none moves
