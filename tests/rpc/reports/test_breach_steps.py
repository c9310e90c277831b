"""The steps of a breach: what each records, what it leaves as it is, and which are refused."""

from datetime import timedelta
from typing import Any

import grpc
import pytest

from collateral_registry.v1 import breach_pb2 as pb, common_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

pytestmark = pytest.mark.slow

BREACH = "loans/loan-1/breaches/1"


def step(client: Client, method: str, **fields: Any) -> pb.Breach:
    request = getattr(pb, f"{method}Request")(name=BREACH, actor="Ana", **{"note": "seen", **fields})
    return getattr(client.breaches, method)(request)


def waive(client: Client, days: int) -> pb.Breach:
    until = calendar(FIRST_DAY + timedelta(days=days))
    return step(client, "WaiveBreach", reason=pb.WAIVER_REASON_PAYMENT_IN_TRANSIT, expire_date=until)


def cure(client: Client, **fields: Any) -> pb.Cure:
    answer = step(client, "RecordCure", status=pb.CURE_STATUS_PROMISED, **fields)
    return answer.history[-1].cure


def kinds(breach: pb.Breach) -> list[str]:
    return [pb.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_") for event in breach.history]


def refusal(call: Any) -> tuple[str, grpc.StatusCode]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.code()


@pytest.fixture
def breached(client: Client) -> Client:
    """A client of a book with a loan at a margin call."""
    client.covered_loan()
    client.owe("820000")
    return client


def test_every_step_is_an_event_with_its_person_and_reason_and_nothing_is_overwritten(breached):
    step(breached, "AcknowledgeBreach")
    step(breached, "NoteBreach", note="called the borrower")
    step(breached, "DisputeBreach", note="the price is wrong")
    before = breached.loan().cover
    settled = step(breached, "SettleDispute", note="it is not", outcome=pb.DISPUTE_OUTCOME_REJECTED)

    assert kinds(settled)[-4:] == ["ACKNOWLEDGED", "NOTED", "DISPUTED", "DISPUTE_SETTLED"]
    assert [event.note for event in settled.history[-4:]] == [
        "seen", "called the borrower", "the price is wrong", "it is not"
    ]  # fmt: skip
    assert {event.actor for event in settled.history[-4:]} == {"Ana"}
    assert settled.history[-1].dispute_outcome == pb.DISPUTE_OUTCOME_REJECTED
    assert not settled.disputed
    assert breached.loan().cover == before


def test_a_step_that_is_not_listed_is_refused(breached):
    breach = breached.breaches.GetBreach(pb.GetBreachRequest(name=BREACH))

    assert pb.BREACH_STEP_ESCALATE not in breach.next_steps
    refused = ("BREACH_STEP", grpc.StatusCode.FAILED_PRECONDITION)
    assert refusal(lambda: step(breached, "EscalateBreach")) == refused
    assert refusal(lambda: step(breached, "SettleDispute", outcome=pb.DISPUTE_OUTCOME_UPHELD)) == refused
    step(breached, "AcknowledgeBreach")
    assert refusal(lambda: step(breached, "AcknowledgeBreach")) == refused
    breached.owe("1000")
    assert refusal(lambda: step(breached, "NoteBreach")) == ("BREACH_CURED", grpc.StatusCode.FAILED_PRECONDITION)


def test_a_missed_deadline_of_an_acknowledged_breach_leads_to_disposal(breached):
    step(breached, "AcknowledgeBreach")
    breached.advance(FIRST_DAY + timedelta(days=8))
    sold = step(breached, "EscalateBreach", note="the borrower cannot pay")

    assert sold.in_disposal
    assert [*sold.next_steps] == [pb.BREACH_STEP_NOTE, pb.BREACH_STEP_DISPUTE, pb.BREACH_STEP_RECORD_CURE]
    assert refusal(lambda: waive(breached, 9))[0] == "BREACH_STEP"


def test_a_waiver_ends_after_its_last_day_and_the_deadline_is_missed_if_it_has_passed(breached):
    waived = waive(breached, 8)
    breached.advance(FIRST_DAY + timedelta(days=8))
    last_day = breached.breaches.GetBreach(pb.GetBreachRequest(name=BREACH))
    level = breached.loan().cover.level
    breached.advance(FIRST_DAY + timedelta(days=9))
    after = breached.breaches.GetBreach(pb.GetBreachRequest(name=BREACH))

    assert (waived.waived, last_day.waived, after.waived) == (True, True, False)
    assert waived.waiver_expire_date == calendar(FIRST_DAY + timedelta(days=8))
    assert waived.history[-1].waiver_reason == pb.WAIVER_REASON_PAYMENT_IN_TRANSIT
    assert level == common_pb2.LTV_LEVEL_MARGIN_CALL
    assert kinds(after)[len(last_day.history) :] == ["WAIVER_EXPIRED", "DEADLINE_MISSED", "ESCALATED"]
    assert breached.loan().cover.level == common_pb2.LTV_LEVEL_STOP_DRAW
    assert not after.HasField("waiver_expire_date")
    assert pb.BREACH_STEP_WAIVE in after.next_steps


def test_grace_beyond_a_waiver_keeps_the_margin_call_when_it_ends(breached):
    waive(breached, 8)
    step(breached, "GrantGrace", deadline_date=calendar(FIRST_DAY + timedelta(days=30)))
    breached.advance(FIRST_DAY + timedelta(days=9))

    assert breached.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL
    breach = breached.breaches.GetBreach(pb.GetBreachRequest(name=BREACH))
    assert kinds(breach)[-1] == "WAIVER_EXPIRED"


def test_the_cash_cure_of_the_cover_is_just_enough_and_recording_it_changes_nothing(breached):
    before = breached.loan().cover
    needed = before.cash_cure
    less = money(str(needed.units - 1))
    enough = cure(breached, cash=money(str(needed.units + 1)))

    assert enough.verdict == pb.CURE_VERDICT_SUFFICIENT
    assert not enough.remaining_cash_cure.units
    short = cure(breached, cash=less)
    assert short.verdict == pb.CURE_VERDICT_INSUFFICIENT
    assert 1 <= short.remaining_cash_cure.units <= 2
    assert breached.loan().cover == before


def test_an_asset_is_tested_at_its_lendable_value_and_cures_when_it_is_pledged(breached):
    breached.register_lot("lot-small", "1")
    breached.register_lot("lot-large", "50")
    small, large = cure(breached, asset="assets/lot-small"), cure(breached, asset="assets/lot-large")

    assert large.verdict == pb.CURE_VERDICT_SUFFICIENT
    assert small.verdict == pb.CURE_VERDICT_INSUFFICIENT
    assert 0 < small.lendable_value.units < small.remaining_collateral_cure.units + small.lendable_value.units
    breached.pledge("loan-1", "lot-large", "p-large")
    cured = breached.breaches.GetBreach(pb.GetBreachRequest(name=BREACH))
    assert cured.state == pb.BREACH_STATE_CURED
    assert not cured.next_steps


def test_an_asset_that_the_loan_counts_already_cures_nothing(breached):
    assert cure(breached, asset="assets/lot-1").lendable_value.units == 0


def test_breaches_are_listed_by_level_age_and_deadline_page_by_page(breached):
    for loan, owed in (("loan-8", "9000"), ("loan-9", "9000")):
        breached.register_loan(loan)
        breached.owe(owed, loan)
    grace = calendar(FIRST_DAY + timedelta(days=60))
    breached.breaches.GrantGrace(pb.GrantGraceRequest(name="loans/loan-8/breaches/1", actor="Ana", deadline_date=grace))

    def listed(order: str, **fields: Any) -> list[str]:
        found, token = [], ""
        while True:
            request = pb.ListBreachesRequest(order_by=order, page_size=1, page_token=token, **fields)
            answer = breached.breaches.ListBreaches(request)
            found += [breach.name.split("/")[1] for breach in answer.breaches]
            token = answer.next_page_token
            if not token:
                return found

    assert listed("") == ["loan-9", "loan-8", "loan-1"]
    assert listed("open_date") == ["loan-1", "loan-8", "loan-9"]
    assert listed("level desc") == ["loan-8", "loan-9", "loan-1"]
    assert listed("deadline_date") == ["loan-1", "loan-9", "loan-8"]
    assert listed("", filter=f"deadline_date >= {FIRST_DAY + timedelta(days=60)}") == ["loan-8"]
    assert refusal(lambda: listed("age"))[1] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_wrong_cure_is_refused_by_its_fields(breached):
    def text(**fields: Any) -> str:
        with pytest.raises(grpc.RpcError) as refused:
            cure(breached, **fields)
        return str(refused.value.details())

    assert "means: got nothing, want cash or asset" in text()
    assert "cash: got EUR, want the loan's currency USD" in text(cash=money("5", "EUR"))
    assert "cash: got 0.00, want more than 0" in text(cash=money("0"))
    assert "assets/lot-9 does not exist" in text(asset="assets/lot-9")


def test_without_known_coverage_a_cure_cannot_be_judged(breached):
    breached.advance(FIRST_DAY + timedelta(days=20))

    assert cure(breached, cash=money("800000")).verdict == pb.CURE_VERDICT_UNKNOWN
