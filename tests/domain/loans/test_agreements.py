"""The LTV limits of a loan: its own ones, completed by those of the policy."""

import pytest

from collateral_registry.domain.loans.agreements import LtvLimits, OwnLimits
from valuation.errors import InvalidInput

POLICY = LtvLimits(900_000, 1_000_000, 1_100_000, 1_200_000)
BUFFER = 10_000


def test_one_limit_alone_is_completed_by_the_policy():
    own = OwnLimits(margin_call_ppm=950_000)

    assert own.completed(POLICY, BUFFER) == LtvLimits(900_000, 950_000, 1_100_000, 1_200_000)
    assert OwnLimits().completed(POLICY, BUFFER) == POLICY


@pytest.mark.parametrize("own", [OwnLimits(margin_call_ppm=900_000), OwnLimits(watch_ppm=1_000_000)])
def test_the_completed_limits_must_rise(own):
    with pytest.raises(InvalidInput, match=r"ltv_levels: got .*\(policy\).*, want watch < margin_call"):
        own.completed(POLICY, BUFFER)


@pytest.mark.parametrize(("watch", "is_valid"), [(10_000, False), (9_999, False), (10_001, True)])
def test_every_limit_exceeds_the_buffer(watch, is_valid):
    own = OwnLimits(watch_ppm=watch)
    if is_valid:
        assert own.completed(POLICY, BUFFER).watch_ppm == watch
        return
    with pytest.raises(InvalidInput, match=r"ltv_levels\.watch: got .*, want more than the buffer 0\.01"):
        own.completed(POLICY, BUFFER)
