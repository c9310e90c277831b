"""The steps of a breach: what each records, what it leaves as it is, and which are refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest

from collateral_registry.v1 import breach_pb2 as pb, common_pb2, loan_pb2
from tests.support.breached_loans import NUMBERS, BreachedLoan, breached_loan, copper_server
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

pytestmark = pytest.mark.slow


@dataclass
class Book(BreachedLoan):
    """A breached loan with what the tests name."""

    @property
    def name(self) -> str:
        """The name of its breach."""
        return f"loans/{self.loan}/breaches/1"

    @property
    def cover(self) -> loan_pb2.LoanCover:
        """The cover of the loan."""
        return self.client.loan(self.loan).cover

    @property
    def breach(self) -> pb.Breach:
        """Its breach."""
        return self.client.breaches.GetBreach(pb.GetBreachRequest(name=self.name))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with copper_server(tmp_path_factory.mktemp("steps")) as connection:
        yield connection


@pytest.fixture
def breached(client: Client) -> Book:
    return breached_loan(Book, client)


def step(book: Book, method: str, **fields: Any) -> pb.Breach:
    request = getattr(pb, f"{method}Request")(name=book.name, actor="Ana", **{"note": "seen", **fields})
    return getattr(book.client.breaches, method)(request)


def waive(book: Book, days: int) -> pb.Breach:
    until = calendar(FIRST_DAY + timedelta(days=days))
    return step(book, "WaiveBreach", reason=pb.WAIVER_REASON_PAYMENT_IN_TRANSIT, expire_date=until)


def cure(book: Book, **fields: Any) -> pb.Cure:
    answer = step(book, "RecordCure", status=pb.CURE_STATUS_PROMISED, **fields)
    return answer.history[-1].cure


def kinds(breach: pb.Breach) -> list[str]:
    return [pb.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_") for event in breach.history]


def refusal(call: Any) -> tuple[str, grpc.StatusCode]:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return details_of(refused.value)[0].reason, refused.value.code()


def test_every_step_is_an_event_with_its_person_and_reason_and_nothing_is_overwritten(breached):
    step(breached, "AcknowledgeBreach")
    step(breached, "NoteBreach", note="called the borrower")
    step(breached, "DisputeBreach", note="the price is wrong")
    before = breached.cover
    settled = step(breached, "SettleDispute", note="it is not", outcome=pb.DISPUTE_OUTCOME_REJECTED)

    assert kinds(settled)[-4:] == ["ACKNOWLEDGED", "NOTED", "DISPUTED", "DISPUTE_SETTLED"]
    assert [event.note for event in settled.history[-4:]] == [
        "seen", "called the borrower", "the price is wrong", "it is not"
    ]  # fmt: skip
    assert {event.actor for event in settled.history[-4:]} == {"Ana"}
    assert settled.history[-1].dispute_outcome == pb.DISPUTE_OUTCOME_REJECTED
    assert not settled.disputed
    assert breached.cover == before


def test_a_step_that_is_not_listed_is_refused(breached):
    breach = breached.breach

    assert pb.BREACH_STEP_ESCALATE not in breach.next_steps
    refused = ("BREACH_STEP", grpc.StatusCode.FAILED_PRECONDITION)
    assert refusal(lambda: step(breached, "EscalateBreach")) == refused
    assert refusal(lambda: step(breached, "SettleDispute", outcome=pb.DISPUTE_OUTCOME_UPHELD)) == refused
    step(breached, "AcknowledgeBreach")
    assert refusal(lambda: step(breached, "AcknowledgeBreach")) == refused
    breached.client.owe("1000", breached.loan)
    assert refusal(lambda: step(breached, "NoteBreach")) == ("BREACH_CURED", grpc.StatusCode.FAILED_PRECONDITION)


def test_the_cash_cure_of_the_cover_is_just_enough_and_recording_it_changes_nothing(breached):
    before = breached.cover
    needed = before.cash_cure
    less = money(str(needed.units - 1))
    enough = cure(breached, cash=money(str(needed.units + 1)))

    assert enough.verdict == pb.CURE_VERDICT_SUFFICIENT
    assert not enough.remaining_cash_cure.units
    short = cure(breached, cash=less)
    assert short.verdict == pb.CURE_VERDICT_INSUFFICIENT
    assert 1 <= short.remaining_cash_cure.units <= 2
    assert breached.cover == before


def test_an_asset_is_tested_at_its_lendable_value_and_cures_when_it_is_pledged(breached):
    breached.client.register_lot("lot-small", "1")
    breached.client.register_lot("lot-large", "50")
    small, large = cure(breached, asset="assets/lot-small"), cure(breached, asset="assets/lot-large")

    assert large.verdict == pb.CURE_VERDICT_SUFFICIENT
    assert small.verdict == pb.CURE_VERDICT_INSUFFICIENT
    assert 0 < small.lendable_value.units < small.remaining_collateral_cure.units + small.lendable_value.units
    breached.client.pledge(breached.loan, "lot-large", "p-large")
    cured = breached.breach
    assert cured.state == pb.BREACH_STATE_CURED
    assert not cured.next_steps


def test_an_asset_that_the_loan_counts_already_cures_nothing(breached):
    assert cure(breached, asset=f"assets/lot-{breached.number}").lendable_value.units == 0


def test_a_wrong_cure_is_refused_by_its_fields(breached):
    def text(**fields: Any) -> str:
        with pytest.raises(grpc.RpcError) as refused:
            cure(breached, **fields)
        return str(refused.value.details())

    assert "means: got nothing, want cash or asset" in text()
    assert "cash: got EUR, want the loan's currency USD" in text(cash=money("5", "EUR"))
    assert "cash: got 0.00, want more than 0" in text(cash=money("0"))
    assert "assets/none does not exist" in text(asset="assets/none")


def test_breaches_are_listed_in_an_order_page_by_page(client, breached):
    grace = calendar(FIRST_DAY + timedelta(days=60))
    client.breaches.GrantGrace(pb.GrantGraceRequest(name=breached.name, actor="Ana", deadline_date=grace))
    others = Book(client, next(NUMBERS))
    client.register_loan(others.loan)
    client.owe("9000", others.loan)

    def listed(order: str, **fields: Any) -> list[str]:
        found, token = [], ""
        while True:
            request = pb.ListBreachesRequest(order_by=order, page_size=1, page_token=token, **fields)
            answer = client.breaches.ListBreaches(request)
            found += [breach.name.split("/")[1] for breach in answer.breaches]
            token = answer.next_page_token
            if not token:
                return found

    two = f"loan IN ({breached.loan}, {others.loan})"
    assert listed("", filter=two) == [others.loan, breached.loan]
    assert listed("open_date", filter=two) == [breached.loan, others.loan]
    assert listed("level desc", filter=two) == [others.loan, breached.loan]
    assert listed("deadline_date", filter=two) == [others.loan, breached.loan]
    assert listed("", filter=f"deadline_date >= {FIRST_DAY + timedelta(days=60)}") == [breached.loan]
    assert refusal(lambda: listed("age"))[1] is grpc.StatusCode.INVALID_ARGUMENT


def test_days_pass_a_waiver_ends_a_deadline_is_missed_and_collateral_is_to_be_sold(client, breached):
    """The last test of the module, because it moves the business date."""
    waived, graced, unpaid = breached, Book(client, next(NUMBERS)), Book(client, next(NUMBERS))
    for book in (graced, unpaid):
        client.register_lot(f"lot-{book.number}")
        client.register_loan(book.loan)
        client.pledge(book.loan, f"lot-{book.number}")
        client.owe("820000", book.loan)
        step(book, "AcknowledgeBreach")
    first = waive(waived, 8)
    waive(graced, 8)
    step(graced, "GrantGrace", deadline_date=calendar(FIRST_DAY + timedelta(days=30)))
    client.advance(FIRST_DAY + timedelta(days=8))
    last_day, level = waived.breach, waived.cover.level
    sold = step(unpaid, "EscalateBreach", note="the borrower cannot pay")
    client.advance(FIRST_DAY + timedelta(days=9))
    after = waived.breach

    assert (first.waived, last_day.waived, after.waived) == (True, True, False)
    assert first.waiver_expire_date == calendar(FIRST_DAY + timedelta(days=8))
    assert first.history[-1].waiver_reason == pb.WAIVER_REASON_PAYMENT_IN_TRANSIT
    assert level == common_pb2.LTV_LEVEL_MARGIN_CALL
    assert kinds(after)[len(last_day.history) :] == ["WAIVER_EXPIRED", "DEADLINE_MISSED", "ESCALATED"]
    assert waived.cover.level == common_pb2.LTV_LEVEL_STOP_DRAW
    assert not after.HasField("waiver_expire_date")
    assert pb.BREACH_STEP_WAIVE in after.next_steps
    assert (graced.cover.level, kinds(graced.breach)[-1]) == (common_pb2.LTV_LEVEL_MARGIN_CALL, "WAIVER_EXPIRED")
    assert sold.in_disposal
    assert [*sold.next_steps] == [pb.BREACH_STEP_NOTE, pb.BREACH_STEP_DISPUTE, pb.BREACH_STEP_RECORD_CURE]
    assert refusal(lambda: waive(unpaid, 10))[0] == "BREACH_STEP"
    client.advance(FIRST_DAY + timedelta(days=20))
    assert cure(graced, cash=money("800000")).verdict == pb.CURE_VERDICT_UNKNOWN
