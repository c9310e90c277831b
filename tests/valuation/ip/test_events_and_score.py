"""What happens to a right changes it the same day; a score selects and refuses, and never values."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.errors import InvalidInput
from valuation.ip.events import FINAL, RightEvent, RightEventKind, RightState, after, check_order, same_strand
from valuation.ip.loan_life import LoanLife, life_against_loan
from valuation.ip.score import indicators, score_right, tiers
from valuation.ip.status import LegalStatus

GRANTED = RightState(status=LegalStatus.IN_FORCE)
GOOD = {indicator.name: 90.0 for indicator in indicators()}


def state(*kinds: RightEventKind) -> RightState:
    """The state of a granted right after these events."""
    found = GRANTED
    for at, kind in enumerate(kinds):
        found = after(found, RightEvent(kind, date(2024, 1, 1 + at)))
    return found


def test_an_event_before_the_newest_of_its_strand_is_refused_and_one_of_the_same_day_is_not() -> None:
    lapsed = (RightEventKind.LAPSED, date(2024, 5, 2))
    with pytest.raises(InvalidInput, match=r"right_event.date: got 2024-05-01, want not before LAPSED on 2024-05-02"):
        check_order(RightEvent(RightEventKind.RESTORED, date(2024, 5, 1)), lapsed)
    check_order(RightEvent(RightEventKind.RESTORED, date(2024, 5, 2)), lapsed)
    check_order(RightEvent(RightEventKind.GRANTED, date(2019, 3, 1)), None)


def test_every_kind_of_event_is_of_one_strand() -> None:
    strands = {same_strand(kind) for kind in RightEventKind}
    assert sorted(kind for strand in strands for kind in strand) == sorted(RightEventKind)


@pytest.mark.parametrize("kind", [RightEventKind.APPLIED, RightEventKind.GRANTED])
@pytest.mark.parametrize("undone", [RightEventKind.LAPSED, RightEventKind.DISPUTED])
def test_a_lapse_or_dispute_is_not_ended_by_a_grant_or_an_application(
    kind: RightEventKind, undone: RightEventKind
) -> None:
    with pytest.raises(InvalidInput, match=f"it is {undone.name}"):
        state(undone, kind)


def test_a_right_applied_for_is_granted() -> None:
    asked = after(RightState(), RightEvent(RightEventKind.APPLIED, date(2024, 1, 1)))
    assert after(asked, RightEvent(RightEventKind.GRANTED, date(2024, 1, 2))).status is LegalStatus.IN_FORCE


def test_restoration_and_settlement_bring_back_what_was_before() -> None:
    assert state(RightEventKind.LAPSED, RightEventKind.RESTORED).status is LegalStatus.IN_FORCE
    assert state(RightEventKind.DISPUTED, RightEventKind.DISPUTE_SETTLED).status is LegalStatus.IN_FORCE


def test_licences_pledges_and_shares_come_and_go() -> None:
    held = state(RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.PLEDGED_ELSEWHERE)
    assert (held.licensed_exclusively, held.pledged_elsewhere) == (True, True)
    freed = state(
        RightEventKind.LICENSED_EXCLUSIVELY, RightEventKind.LICENCE_ENDED, RightEventKind.PLEDGED_ELSEWHERE,
        RightEventKind.PLEDGE_RELEASED,
    )  # fmt: skip
    assert freed == GRANTED
    halved = after(GRANTED, RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1), owned_share=0.5))
    assert halved.owned_share == 0.5
    assert after(halved, RightEvent(RightEventKind.SOLE_OWNERSHIP, date(2024, 1, 2))).owned_share == 1.0


@pytest.mark.parametrize("kind", [RightEventKind.RESTORED, RightEventKind.DISPUTE_SETTLED])
def test_what_has_not_begun_cannot_end(kind: RightEventKind) -> None:
    with pytest.raises(InvalidInput, match="it is IN_FORCE"):
        state(kind)


@given(st.sampled_from([RightEventKind.INVALIDATED, RightEventKind.EXPIRED]), st.sampled_from(list(RightEventKind)))
def test_an_end_is_final(end: RightEventKind, later: RightEventKind) -> None:
    ended = state(end)
    share = 0.5 if later is RightEventKind.CO_OWNED else 1.0
    try:
        assert after(ended, RightEvent(later, date(2025, 1, 1), share)).status in FINAL
    except InvalidInput as error:
        assert "good" in error.want or "it is" in error.want  # noqa: PT017 - both ways out are right


def test_shares_are_of_co_owners_only() -> None:
    with pytest.raises(InvalidInput, match="owned_share"):
        RightEvent(RightEventKind.LAPSED, date(2024, 1, 1), owned_share=0.5)
    with pytest.raises(InvalidInput, match="owned_share"):
        RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1), owned_share=0.0)
    with pytest.raises(InvalidInput, match="below 1 for CO_OWNED"):
        RightEvent(RightEventKind.CO_OWNED, date(2024, 1, 1))


def test_a_life_shorter_than_the_loan_is_told_from_one_short_of_the_margin() -> None:
    found = life_against_loan([2.0, 4.0, 6.0, float("nan")], 3.0)
    assert found.tolist() == [LoanLife.ENDS_BEFORE, LoanLife.SHORT, LoanLife.ENOUGH, LoanLife.UNKNOWN]
    with pytest.raises(InvalidInput, match="loan_years"):
        life_against_loan(2.0, -1.0)


def test_weights_sum_to_one_and_tiers_begin_with_the_best() -> None:
    assert sum(indicator.weight for indicator in indicators()) == pytest.approx(1.0)
    assert [tier.least_score for tier in tiers()] == sorted((tier.least_score for tier in tiers()), reverse=True)


def test_a_good_right_has_the_best_tier_and_its_whole_cap() -> None:
    found = score_right(GOOD, GRANTED)
    assert (found.score, found.tier.name, found.cap_share, found.vetoes) == (pytest.approx(90.0), "A", 1.0, ())


def test_a_veto_refuses_whatever_the_score() -> None:
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
