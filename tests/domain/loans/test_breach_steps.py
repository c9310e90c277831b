"""Which steps a breach allows (rules.md section 3)."""

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from collateral_registry.domain.loans.breach_steps import BreachStep, Standing, Waiver, WaiverReason
from collateral_registry.domain.loans.levels import Level
from collateral_registry.domain.shared.errors import Refused
from valuation.errors import InvalidInput

NEW = Standing(
    is_open=True,
    level=Level.STOP_DRAW,
    acknowledged=False,
    disputed=False,
    waived=False,
    in_disposal=False,
    has_deadline=True,
)
FLAGS = ("acknowledged", "disputed", "waived", "in_disposal", "has_deadline")


def test_a_new_breach_is_acknowledged_before_its_collateral_is_sold():
    seen = replace(NEW, acknowledged=True)

    assert BreachStep.ESCALATE not in NEW.next_steps
    assert BreachStep.ESCALATE in seen.next_steps
    assert BreachStep.ACKNOWLEDGE not in seen.next_steps


@pytest.mark.parametrize("change", [{"disputed": True}, {"waived": True}, {"level": Level.MARGIN_CALL}], ids=str)
def test_nothing_is_sold_while_a_breach_is_disputed_waived_or_at_a_margin_call(change):
    assert BreachStep.ESCALATE not in replace(NEW, acknowledged=True, **change).next_steps


def test_a_breach_in_disposal_is_neither_waived_nor_given_grace():
    sold = replace(NEW, acknowledged=True, in_disposal=True)

    assert sold.next_steps == (BreachStep.NOTE, BreachStep.DISPUTE, BreachStep.RECORD_CURE)


def test_a_dispute_is_either_raised_or_settled_and_a_note_is_always_possible():
    for flags in product((False, True), repeat=len(FLAGS)):
        standing = replace(NEW, **dict(zip(FLAGS, flags, strict=True)))
        steps = standing.next_steps
        assert (BreachStep.DISPUTE in steps) != (BreachStep.SETTLE_DISPUTE in steps)
        assert {BreachStep.NOTE, BreachStep.RECORD_CURE} <= {*steps}
        assert replace(standing, is_open=False).next_steps == ()


def test_a_refusal_names_the_state_and_the_allowed_steps():
    waived = replace(NEW, waived=True, disputed=True)

    with pytest.raises(Refused) as refused:
        waived.check("loans/a/breaches/1", BreachStep.WAIVE)

    assert refused.value.reason == "BREACH_STEP"
    assert str(refused.value) == (
        "loans/a/breaches/1 is at STOP_DRAW and disputed, waived: got the step WAIVE, want one of ACKNOWLEDGE, NOTE, "
        "SETTLE_DISPUTE, GRANT_GRACE, RECORD_CURE"
    )


@pytest.mark.parametrize(
    ("expire", "is_allowed"),
    [(date(2022, 6, 30), False), (date(2022, 7, 1), True), (date(2022, 10, 1), True), (date(2022, 10, 2), False)],
    ids=str,
)
def test_the_last_day_of_a_waiver_is_within_92_days(expire, is_allowed):
    waiver, today = Waiver(WaiverReason.OTHER, expire), date(2022, 7, 1)
    if is_allowed:
        waiver.check_on(today)
        return
    with pytest.raises(InvalidInput, match=r"expire_date: got .* want 2022-07-01, the business date, to 2022-10-01"):
        waiver.check_on(today)
