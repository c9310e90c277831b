"""Legal events change the state of an IP asset; scores select a tier and veto."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, strategies as st

from valuation.errors import InvalidInput
from valuation.ip.events import FINAL, RightEvent, RightEventKind, RightState, after, check_order, same_strand
from valuation.ip.loan_life import LoanLife, life_against_loan
from valuation.ip.score import indicators, score_right, tiers
from valuation.ip.status import LegalStatus

GRANTED = RightState(status=LegalStatus.IN_FORCE)
GOOD = {indicator.name: 90.0 for indicator in indicators()}


def state(*kinds: RightEventKind) -> RightState:
    """Returns the state of a granted IP asset after the given events."""
    found = GRANTED
    for at, kind in enumerate(kinds):
        found = after(found, RightEvent(kind, date(2024, 1, 1 + at)))
    return found


def test_an_event_earlier_than_the_newest_of_its_strand_is_refused() -> None:
    lapsed = (RightEventKind.LAPSED, date(2024, 5, 2))
    with pytest.raises(InvalidInput, match=r"right_event.date: got 2024-05-01, want not before LAPSED on 2024-05-02"):
        check_order(RightEvent(RightEventKind.RESTORED, date(2024, 5, 1)), lapsed)
    check_order(RightEvent(RightEventKind.RESTORED, date(2024, 5, 2)), lapsed)
    check_order(RightEvent(RightEventKind.GRANTED, date(2019, 3, 1)), None)


def test_every_event_kind_belongs_to_one_strand() -> None:
    strands = {same_strand(kind) for kind in RightEventKind}
    assert sorted(kind for strand in strands for kind in strand) == sorted(RightEventKind)


@pytest.mark.parametrize("kind", [RightEventKind.APPLIED, RightEventKind.GRANTED])
@pytest.mark.parametrize("first", [RightEventKind.LAPSED, RightEventKind.DISPUTED])
def test_a_grant_or_application_does_not_end_a_lapse_or_dispute(kind: RightEventKind, first: RightEventKind) -> None:
    with pytest.raises(InvalidInput, match=f"it is {first.name}"):
        state(first, kind)


def test_a_grant_follows_an_application() -> None:
    applied = after(RightState(), RightEvent(RightEventKind.APPLIED, date(2024, 1, 1)))
    assert after(applied, RightEvent(RightEventKind.GRANTED, date(2024, 1, 2))).status is LegalStatus.IN_FORCE


def test_restoration_and_settlement_restore_the_previous_status() -> None:
    assert state(RightEventKind.LAPSED, RightEventKind.RESTORED).status is LegalStatus.IN_FORCE
    assert state(RightEventKind.DISPUTED, RightEventKind.DISPUTE_SETTLED).status is LegalStatus.IN_FORCE


def test_licences_pledges_and_shares_begin_and_end() -> None:
    encumbered = state(RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.PLEDGED_ELSEWHERE)
    assert (encumbered.licensed_exclusively, encumbered.pledged_elsewhere) == (True, True)
    released = state(
        RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED, RightEventKind.PLEDGED_ELSEWHERE,
        RightEventKind.PLEDGE_RELEASED,
    )  # fmt: skip
    assert released == GRANTED
    shared = after(GRANTED, RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1), owned_share=0.5))
    assert shared.owned_share == 0.5
    assert after(shared, RightEvent(RightEventKind.SOLE_OWNERSHIP, date(2024, 1, 2))).owned_share == 1.0


@pytest.mark.parametrize("kind", [RightEventKind.RESTORED, RightEventKind.DISPUTE_SETTLED])
def test_restoration_and_settlement_need_a_lapse_or_dispute(kind: RightEventKind) -> None:
    with pytest.raises(InvalidInput, match="it is IN_FORCE"):
        state(kind)


@given(st.sampled_from([RightEventKind.INVALIDATED, RightEventKind.EXPIRED]), st.sampled_from(list(RightEventKind)))
def test_a_final_status_never_changes(end: RightEventKind, later: RightEventKind) -> None:
    ended = state(end)
    share = 0.5 if later is RightEventKind.CO_OWNED else 1.0
    # A status event is refused; any other event leaves the status as it is.
    with suppress(InvalidInput):
        assert after(ended, RightEvent(later, date(2025, 1, 1), share)).status in FINAL


@given(st.sampled_from([RightEventKind.INVALIDATED, RightEventKind.EXPIRED]), st.sampled_from(list(RightEventKind)))
def test_a_status_event_after_a_final_status_is_refused(end: RightEventKind, later: RightEventKind) -> None:
    if later in same_strand(end):
        with pytest.raises(InvalidInput, match=r"is final|it is"):
            after(state(end), RightEvent(later, date(2025, 1, 1)))


def test_only_co_ownership_takes_a_share_below_one() -> None:
    with pytest.raises(InvalidInput, match="owned_share"):
        RightEvent(RightEventKind.LAPSED, date(2024, 1, 1), owned_share=0.5)
    with pytest.raises(InvalidInput, match="owned_share"):
        RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1), owned_share=0.0)
    with pytest.raises(InvalidInput, match="below 1 for CO_OWNED"):
        RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1))


def test_a_life_is_compared_with_the_loan_term_and_the_margin() -> None:
    found = life_against_loan([2.0, 4.0, 6.0, float("nan")], 3.0)
    assert found.tolist() == [LoanLife.ENDS_BEFORE, LoanLife.SHORT, LoanLife.ENOUGH, LoanLife.UNKNOWN]
    with pytest.raises(InvalidInput, match="loan_years"):
        life_against_loan(2.0, -1.0)


def test_weights_sum_to_one_and_tiers_are_sorted_best_first() -> None:
    assert sum(indicator.weight for indicator in indicators()) == pytest.approx(1.0)
    assert [tier.least_score for tier in tiers()] == sorted((tier.least_score for tier in tiers()), reverse=True)


def test_high_indicators_give_the_best_tier_and_the_full_cap() -> None:
    found = score_right(GOOD, GRANTED)
    assert (found.score, found.tier.name, found.cap_share, found.vetoes) == (pytest.approx(90.0), "A", 1.0, ())


def test_a_veto_sets_the_cap_to_zero_at_any_score() -> None:
    for vetoed in (
        score_right(GOOD | {"title": 10.0}, GRANTED),
        score_right(GOOD, RightState(status=LegalStatus.DISPUTED)),
        score_right(GOOD, RightState(status=LegalStatus.IN_FORCE, pledged_elsewhere=True)),
        score_right(GOOD, RightState(status=LegalStatus.IN_FORCE, licensed_exclusively=True)),
    ):
        assert vetoed.cap_share == 0.0
        assert len(vetoed.vetoes) == 1


def test_indicators_unknown_missing_or_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="one of"):
        score_right(GOOD | {"beauty": 1.0}, GRANTED)
    with pytest.raises(InvalidInput, match="no title"):
        score_right({name: value for name, value in GOOD.items() if name != "title"}, GRANTED)
    with pytest.raises(InvalidInput, match="0 to 100"):
        score_right(GOOD | {"title": 101.0}, GRANTED)
