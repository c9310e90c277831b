"""CheckDraw states the rule that refuses a draw and the figures; the cover shows what the rules are applied to."""

import csv
import io
from datetime import timedelta

import grpc
import pyarrow as pa
import pytest

from collateral_registry.domain.loans.draws import DrawRefusal
from collateral_registry.v1 import breach_pb2, common_pb2, loan_pb2, report_pb2
from tests.support.launch import run
from tests.support.server import FIRST_DAY, Client, Server, calendar, details_of, money

NEXT = FIRST_DAY + timedelta(days=3)
QUARANTINED = common_pb2.QUALITY_FLAG_NEWER_PRICE_QUARANTINED


def checked(client: Client, amount: str, loan_id: str = "loan-1") -> loan_pb2.CheckDrawResponse:
    return client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name=f"loans/{loan_id}", amount=money(amount)))


def rule_of(answer: loan_pb2.CheckDrawResponse) -> str:
    return loan_pb2.DrawRefusal.Name(answer.reason_code).removeprefix("DRAW_REFUSAL_")


def changed(client: Client, **terms: object) -> loan_pb2.Loan:
    request = loan_pb2.UpdateLoanRequest(loan=loan_pb2.Loan(name="loans/loan-1", **terms))
    request.update_mask.paths.extend(terms)
    return client.loans.UpdateLoan(request)


def kinds(client: Client) -> list[str]:
    (answer,) = [next(iter(client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())))]
    return [breach_pb2.BreachEventKind.Name(event.kind).removeprefix("BREACH_EVENT_KIND_") for event in answer.events]


def test_a_refused_draw_returns_its_rule_and_the_figures_that_decide_it(client: Client) -> None:
    client.covered_loan()
    changed(client, credit_limit=money("600000"), maturity_date=calendar(FIRST_DAY))

    within, beyond = checked(client, "100000"), checked(client, "100000.01")

    assert (within.allowed, rule_of(within), within.reason) == (True, "UNSPECIFIED", "")
    assert (beyond.allowed, rule_of(beyond), beyond.headroom) == (False, "CREDIT_LIMIT", money("100000"))
    for answer in (within, beyond):
        cover = client.loan().cover
        assert answer.exposure == money("500000")
        assert answer.collateral_value == cover.lendable_value == cover.decision_lendable_value
        assert (answer.ltv_limit.value, answer.credit_limit) == ("0.99", money("600000"))
        assert answer.maturity_date == answer.market_date == calendar(FIRST_DAY)
        assert (answer.level, answer.coverage) == (common_pb2.LTV_LEVEL_NONE, common_pb2.COVERAGE_KNOWN)


def test_a_newer_lower_price_in_quarantine_decides_the_draw_and_is_shown(client: Client) -> None:
    client.covered_loan()
    client.advance(NEXT)
    client.quote("10000", NEXT - timedelta(days=2))
    before = client.loan().cover

    assert client.quote("6000", NEXT).quarantined_count == 1

    cover, answer = client.loan().cover, checked(client, "100000")
    assert (rule_of(answer), answer.headroom.units) == ("QUARANTINED_PRICE", 0)
    assert answer.collateral_value == cover.decision_lendable_value
    assert cover.decision_market_value == money("600000")
    assert (cover.market_value, cover.level, cover.ltv) == (before.market_value, before.level, before.ltv)
    assert QUARANTINED in cover.quality_flags
    assert QUARANTINED in client.recorded_valuations("lot-1")[0].quality_flags
    client.quote("10050", NEXT)
    assert QUARANTINED not in client.loan().cover.quality_flags
    assert checked(client, "100000").allowed
    assert kinds(client) == ["PRICE_QUARANTINED", "PRICE_QUARANTINE_ENDED"]


def test_a_matured_loan_and_one_above_its_limit_are_shown_and_not_drawn(client: Client, server: Server) -> None:
    client.covered_loan()
    changed(client, credit_limit=money("400000"), maturity_date=calendar(FIRST_DAY))
    assert list(client.loan().cover.quality_flags)[-1] == common_pb2.QUALITY_FLAG_CREDIT_LIMIT_EXCEEDED
    assert (rule_of(checked(client, "1")), checked(client, "1").headroom.units) == ("CREDIT_LIMIT", 0)
    client.advance(NEXT)

    assert rule_of(checked(client, "1")) == "MATURED"
    flags = [common_pb2.QualityFlag.Name(flag)[13:] for flag in client.loan().cover.quality_flags]
    assert flags[-2:] == ["LOAN_MATURED", "CREDIT_LIMIT_EXCEEDED"]
    printed = run("report", "ltv", "--format", "csv", server=server.address)
    (row,) = csv.DictReader(io.StringIO(printed.stdout))
    assert row["quality_flags"].endswith("LOAN_MATURED CREDIT_LIMIT_EXCEEDED")
    table = run("report", "ltv", server=server.address)
    assert "matured, above limit" in table.stdout
    (arrow,) = streamed(client)
    assert str(arrow["quality_flags"]).endswith("LOAN_MATURED CREDIT_LIMIT_EXCEEDED")


def streamed(client: Client) -> list[dict[str, object]]:
    answers = list(client.reports.StreamLtvReport(report_pb2.StreamLtvReportRequest()))
    return pa.ipc.open_stream(b"".join(answer.arrow for answer in answers)).read_all().to_pylist()


@pytest.mark.parametrize("amount", [None, money("0"), money("-5"), money("0.001"), money("5", "EUR")])
def test_an_amount_that_cannot_be_drawn_is_refused_by_its_name(client: Client, amount) -> None:
    client.register_loan()
    with pytest.raises(grpc.RpcError) as refused:
        client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=amount))

    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(refused.value)[1] == ["amount"]


def test_a_closed_loan_is_not_drawn(client: Client) -> None:
    client.register_loan()
    client.loans.CloseLoan(loan_pb2.CloseLoanRequest(name="loans/loan-1"))
    client.advance(NEXT)

    assert rule_of(checked(client, "1")) == "LOAN_CLOSED"


def test_a_loan_whose_collateral_waits_for_its_first_price_is_unknown_and_not_drawn(client: Client) -> None:
    client.open_copper()
    client.register_lot()
    client.register_loan()
    client.pledge()
    assert rule_of(checked(client, "1")) == "COVERAGE_UNKNOWN"
    client.owe("500000")

    cover = client.loan().cover
    assert (cover.level, cover.coverage) == (common_pb2.LTV_LEVEL_NONE, common_pb2.COVERAGE_UNKNOWN)
    assert kinds(client) == ["COVERAGE_UNKNOWN"]
    assert rule_of(checked(client, "1")) == "COVERAGE_UNKNOWN"
    client.quote_history()
    assert kinds(client) == ["COVERAGE_UNKNOWN", "COVERAGE_KNOWN"]
    assert checked(client, "1").allowed


def test_a_missed_deadline_shows_the_fall_to_the_level_beyond(client: Client) -> None:
    client.covered_loan()
    lendable = client.loan().cover.lendable_value.units
    client.owe(f"{lendable * 102 // 100}")
    assert client.loan().cover.next_level == common_pb2.LTV_LEVEL_STOP_DRAW
    for days in (3, 14):
        client.advance(FIRST_DAY + timedelta(days=days))
        client.quote("10000", FIRST_DAY + timedelta(days=days))

    cover = client.loan().cover
    assert (cover.level, cover.next_level) == (common_pb2.LTV_LEVEL_STOP_DRAW, common_pb2.LTV_LEVEL_LIQUIDATION)
    fall = 1 - float(cover.ltv.value) / 1.2
    assert float(cover.price_fall_to_next_level.value) == pytest.approx(fall, abs=1e-8)
    (row,) = streamed(client)
    assert (row["next_level"], row["price_fall_to_next_level"]) == ("LIQUIDATION", pytest.approx(fall, abs=1e-8))


def test_the_fall_to_a_level_that_is_reached_already_is_zero(client: Client) -> None:
    """A loan enters WATCH on the second day, so on the first day it is at NONE beyond the limit of WATCH."""
    client.covered_loan()
    client.owe(f"{client.loan().cover.lendable_value.units * 95 // 100}")

    cover = client.loan().cover
    assert (cover.level, cover.next_level) == (common_pb2.LTV_LEVEL_NONE, common_pb2.LTV_LEVEL_WATCH)
    assert (cover.price_fall_to_next_level.value, cover.distance_to_next_level.value) == ("0", "0")


def test_the_rules_have_the_numbers_of_the_contract() -> None:
    named = {name.removeprefix("DRAW_REFUSAL_"): number for name, number in loan_pb2.DrawRefusal.items() if number}

    assert {rule.name: rule.value for rule in DrawRefusal} == named
