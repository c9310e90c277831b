"""A disposition is permitted for a loan that is covered afterwards, or from which it takes nothing."""

from dataclasses import replace

from hypothesis import given, strategies as st

from collateral_registry.domain.loans.collateral import ClaimSums
from collateral_registry.domain.loans.dispositions import CoverState, disposition_refusal

amounts = st.integers(0, 3)
sums = st.builds(ClaimSums, amounts, amounts, amounts)
states = st.builds(CoverState, amounts, amounts, st.just(1_000_000), st.booleans(), sums)


@given(states, states, st.booleans())
def test_a_permitted_disposition_covers_the_loan_or_lowers_no_figure(before, after, removes):
    owed, claims = after.exposure, zip(vars(before.claims).values(), vars(after.claims).values(), strict=True)
    is_lower = after.pool < before.pool or any(now < then for then, now in claims)
    is_known = not (before.coverage_unknown or after.coverage_unknown)
    nothing_taken = not is_lower and (is_known or not removes)

    permitted = disposition_refusal(before, after, removes=removes) is None
    assert permitted == (owed == 0 or nothing_taken or (is_known and owed <= after.pool))


def test_claims_that_a_base_does_not_count_stay_with_an_uncovered_loan():
    before = CoverState(100, 50, 990_000, coverage_unknown=False, claims=ClaimSums(80, 80, 80))
    after = replace(before, claims=ClaimSums(79, 80, 79))

    assert disposition_refusal(before, after, removes=True) == "UNCOVERED"
    assert disposition_refusal(before, after, removes=False) == "UNCOVERED"
    assert disposition_refusal(before, before, removes=True) is None
