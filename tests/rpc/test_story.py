"""The main workflow: a price falls, a breach opens, escalates and is cured."""

from datetime import date, timedelta

import grpc
import pytest

from collateral_registry.v1 import asset_pb2, breach_pb2, common_pb2, loan_pb2, price_pb2, report_pb2
from tests.support.server import FIRST_DAY, Client, Server, calendar, money, observation

Kind = breach_pb2.BreachEventKind


def test_a_price_fall_reaches_the_watcher_as_a_breach(client: Client) -> None:
    client.covered_loan()
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
    next(stream)
    day = FIRST_DAY
    for price in ("9000", "8000", "7000", "6400", "6000"):
        day += timedelta(days=3)
        client.advance(day)
        client.quote(price, day)

    event = next(one for answer in stream for one in answer.events if one.kind == Kind.BREACH_EVENT_KIND_OPENED)

    assert event.loan == "loans/loan-1"
    assert event.breach == "loans/loan-1/breaches/1"
    assert event.level >= common_pb2.LTV_LEVEL_MARGIN_CALL
    assert float(event.ltv.value) >= 1.0
    stream.cancel()


def test_a_watcher_that_reconnects_misses_nothing(client: Client) -> None:
    client.covered_loan()
    client.owe("900000")
    client.owe("500000")
    everything = next(client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())).events

    rest = next(client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest(after_sequence=1))).events

    assert [event.sequence for event in everything] == list(range(1, len(everything) + 1))
    assert list(rest) == list(everything[1:])


def test_repayment_cures_a_breach_and_a_second_fall_is_a_new_one(client: Client) -> None:
    client.covered_loan()
    for amount in ("900000", "500000", "950000"):
        client.owe(amount)

    found = client.breaches.ListBreaches(breach_pb2.ListBreachesRequest(parent="loans/loan-1")).breaches

    assert [breach.name for breach in found] == ["loans/loan-1/breaches/2", "loans/loan-1/breaches/1"]
    assert [breach.state for breach in found] == [breach_pb2.BREACH_STATE_OPEN, breach_pb2.BREACH_STATE_CURED]


def test_the_cash_cure_of_a_breach_cures_it(client: Client) -> None:
    client.covered_loan()
    client.owe("900000")
    cure = client.loan().cover.cash_cure

    client.owe(f"{900_000 - cure.units - 1}")

    assert client.loan().cover.level < common_pb2.LTV_LEVEL_MARGIN_CALL


def test_the_cure_in_kind_of_a_breach_cures_it(client: Client) -> None:
    """Pledging the stated quantity of the same copper cures the breach; a tonne less does not."""
    client.covered_loan()
    client.owe("900000")
    (cure,) = client.loan().cover.cures_in_kind
    tonnes = float(cure.quantity.value)
    client.register_lot("lot-2", f"{tonnes - 1:.3f}")
    client.pledge(asset_id="lot-2", pledge_id="p-2")
    short = client.loan().cover.level
    client.register_lot("lot-3", "1.1")
    client.pledge(asset_id="lot-3", pledge_id="p-3")

    assert (cure.asset, cure.unit) == ("assets/lot-1", "t")
    assert short >= common_pb2.LTV_LEVEL_MARGIN_CALL
    assert client.loan().cover.level < common_pb2.LTV_LEVEL_MARGIN_CALL
    assert list(client.loan().cover.cures_in_kind) == []


def test_a_missed_deadline_stops_draws(client: Client) -> None:
    client.covered_loan()
    client.owe("820000")
    level = client.loan().cover.level
    client.advance(FIRST_DAY + timedelta(days=8))
    client.quote("10000", FIRST_DAY + timedelta(days=8))
    cover = client.loan().cover

    assert level == common_pb2.LTV_LEVEL_MARGIN_CALL
    assert cover.level == common_pb2.LTV_LEVEL_STOP_DRAW
    answer = client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=money("1")))
    assert not answer.allowed
    assert "STOP_DRAW" in answer.reason
    assert answer.reason_code == loan_pb2.DRAW_REFUSAL_LEVEL


def test_grace_moves_the_deadline_and_removes_the_escalation(client: Client) -> None:
    client.covered_loan()
    client.owe("820000")
    later = FIRST_DAY + timedelta(days=20)
    breach = client.breaches.GrantGrace(
        breach_pb2.GrantGraceRequest(
            name="loans/loan-1/breaches/1", deadline_date=calendar(later), actor="risk desk", note="sale under way"
        )
    )
    client.advance(FIRST_DAY + timedelta(days=8))

    assert breach.deadline_date == calendar(later)
    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL
    assert [event.kind for event in breach.history][-1] == Kind.BREACH_EVENT_KIND_GRACE_GRANTED


def test_a_waived_breach_is_not_escalated_by_its_deadline(client: Client) -> None:
    client.covered_loan()
    client.owe("820000")
    client.breaches.WaiveBreach(
        breach_pb2.WaiveBreachRequest(
            name="loans/loan-1/breaches/1",
            actor="credit committee",
            note="bridge loan",
            reason=breach_pb2.WAIVER_REASON_BRIDGE_FINANCING,
            expire_date=calendar(FIRST_DAY + timedelta(days=30)),
        )
    )
    client.advance(FIRST_DAY + timedelta(days=8))
    client.quote("10000", FIRST_DAY + timedelta(days=8))

    assert client.loan().cover.level == common_pb2.LTV_LEVEL_MARGIN_CALL


def test_an_acknowledgement_names_its_actor(client: Client) -> None:
    client.covered_loan()
    client.owe("900000")
    seen = client.breaches.AcknowledgeBreach(
        breach_pb2.AcknowledgeBreachRequest(name="loans/loan-1/breaches/1", actor="m. duarte", note="called")
    )

    assert seen.acknowledged
    assert seen.history[-1].actor == "m. duarte"
    assert seen.history[-1].note == "called"


def test_a_stale_price_makes_coverage_unknown_and_after_the_grace_the_worst_level(client: Client) -> None:
    """rules.md section 5: the last good value was enough, so UNKNOWN at once and LIQUIDATION after the grace period."""
    client.covered_loan()
    client.advance(date(2022, 1, 11))
    stale = client.loan().cover
    client.advance(date(2022, 1, 18))
    later = client.loan().cover

    assert stale.coverage == common_pb2.COVERAGE_UNKNOWN
    assert stale.level == common_pb2.LTV_LEVEL_NONE
    assert stale.ltv_infinite
    assert stale.last_good_ltv.value
    assert common_pb2.UNKNOWN_REASON_STALE_PRICE in stale.unknown_reasons
    assert later.level == common_pb2.LTV_LEVEL_LIQUIDATION
    assert later.coverage == common_pb2.COVERAGE_UNKNOWN


def test_unknown_coverage_refuses_draws_and_releases(client: Client) -> None:
    client.covered_loan()
    client.advance(date(2022, 1, 11))

    draw = client.loans.CheckDraw(loan_pb2.CheckDrawRequest(name="loans/loan-1", amount=money("1")))
    with pytest.raises(grpc.RpcError) as refused:
        client.loans.ReleasePledge(loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-1"))

    assert not draw.allowed
    assert "UNKNOWN" in draw.reason
    assert draw.reason_code == loan_pb2.DRAW_REFUSAL_COVERAGE_UNKNOWN
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_refused_release_names_the_largest_allowed_one_which_succeeds(client: Client) -> None:
    client.covered_loan()
    with pytest.raises(grpc.RpcError) as refused:
        client.loans.ReleasePledge(loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-1"))
    largest = refused.value.details().split("share of ")[1].split(",")[0]

    client.loans.ReleasePledge(loan_pb2.ReleasePledgeRequest(name="loans/loan-1/pledges/p-1", share={"value": largest}))

    ltv = float(client.loan().cover.ltv.value)
    assert 0.985 < ltv <= 0.99


def test_a_pledged_receivable_that_was_not_assigned_counts_nothing(client: Client) -> None:
    client.covered_loan()
    before = client.loan().cover
    receivable = asset_pb2.Receivable(debtor="Baumann", invoice_number="17", face_amount=money("50000"))
    asset = asset_pb2.Asset(
        owner="Acme Metals", asset_class="receivable.trade", currency_code="USD", receivable=receivable
    )
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="inv-1"))
    client.pledge(asset_id="inv-1", pledge_id="p-2")
    cover = client.loan().cover

    assert (cover.coverage, cover.lendable_value) == (common_pb2.COVERAGE_KNOWN, before.lendable_value)
    assert cover.unknown_asset_count == 0


def test_an_as_of_report_reproduces_what_was_known_then_byte_for_byte(client: Client) -> None:
    client.covered_loan()
    client.owe("900000")
    before = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())
    stories = client.reports.GenerateBreachReport(report_pb2.GenerateBreachReportRequest())
    client.owe("100000")
    client.advance(FIRST_DAY + timedelta(days=30))

    moment = report_pb2.AsOf(sequence=before.sequence)
    again = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(as_of=moment))
    repeated = client.reports.GenerateBreachReport(report_pb2.GenerateBreachReportRequest(as_of=moment))

    assert again.SerializeToString(deterministic=True) == before.SerializeToString(deterministic=True)
    assert repeated.SerializeToString(deterministic=True) == stories.SerializeToString(deterministic=True)


def test_the_server_drains_and_stops_cleanly_during_a_watch(server: Server, client: Client) -> None:
    stream = client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest())
    next(stream)

    assert server.stop() == 0
    assert list(stream) == []


def test_nothing_is_lost_in_a_restart(server: Server, client: Client) -> None:
    client.covered_loan()
    before = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())
    server.stop()

    again = Server(server.url).start()
    with grpc.insecure_channel(again.address) as channel:
        after = Client(channel).reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())
    again.stop()

    assert after == before


def test_a_burst_of_prices_makes_few_commits_and_the_last_price_of_each_series_counts(client):
    client.covered_loan()
    before = client.loan().cover
    day = FIRST_DAY
    calls = [
        client.prices.IngestPrices.future(
            price_pb2.IngestPricesRequest(observations=[observation("copper", day, f"{9_990 + number}")])
        )
        for number in range(60)
    ]
    answers = [call.result() for call in calls]
    commits = {answer.sequence for answer in answers if answer.sequence}
    counted = sum(answer.accepted_count + answer.overtaken_count + answer.duplicate_count for answer in answers)
    events = client.prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=1)).prices

    assert counted == 60
    assert len(commits) < 30
    assert events[0].sequence == max(commits)
    assert client.loan().cover.market_value != before.market_value
