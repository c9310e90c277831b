"""Rights over gRPC: a distribution with its evidence, events that count the same day, fees that come due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    finding_pb2,
    ip_pb2,
    ip_pb2_grpc,
    loan_pb2,
    policy_pb2,
    valuation_pb2,
)
from tests.server import FIRST_DAY, Client, Server, calendar, details_of
from valuation.ip.score import indicators

SCORES = {indicator.name: 70.0 for indicator in indicators()}
DOUBT = ip_pb2.RightDoubt(
    revenue_log_sd=Decimal(value="0.3"), royalty_low=Decimal(value="0.03"), royalty_high=Decimal(value="0.07"),
    life_low_share=Decimal(value="0.5"), discount_low=Decimal(value="0.12"), discount_high=Decimal(value="0.20"),
)  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One server for all tests of the module."""
    folder: Path = tmp_path_factory.mktemp("ip-service")
    running = Server(f"sqlite:///{folder / 'book.db'}").start()
    with grpc.insecure_channel(running.address) as channel:
        yield Client(channel)
    running.stop()


def service(client: Client) -> ip_pb2_grpc.IpServiceStub:
    return ip_pb2_grpc.IpServiceStub(client.channel)


def patent(number: str = "1", office: str = "CN") -> asset_pb2.IntellectualProperty:
    return asset_pb2.IntellectualProperty(
        kind=asset_pb2.RIGHT_KIND_PATENT, office=office, number=number, filing_date=calendar(date(2014, 3, 31)),
        grant_date=calendar(date(2016, 5, 1)), legal_status=asset_pb2.LEGAL_STATUS_IN_FORCE,
        next_year_revenue=Money(currency_code="CNY", units=10_000_000), growth=Decimal(value="0.05"),
        royalty_rate=Decimal(value="0.05"), tax_rate=Decimal(value="0.25"), discount_rate=Decimal(value="0.15"),
        technology_life_years=Decimal(value="5"),
    )  # fmt: skip


def register(client: Client, asset_id: str, office: str = "CN", life: str = "5") -> str:
    right = patent(asset_id, office)
    right.technology_life_years.value = life
    asset = asset_pb2.Asset(
        owner="Invented Firm",
        asset_class="ip.patent",
        currency_code="CNY",
        intellectual_property=right,
    )
    return str(client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=asset_id)).name)


def record(client: Client, name: str, kind: int, day: date = FIRST_DAY, share: str = "") -> ip_pb2.RightEvent:
    event = ip_pb2.RightEvent(kind=kind, date=calendar(day), owned_share=Decimal(value=share) if share else None)
    return service(client).RecordRightEvent(ip_pb2.RecordRightEventRequest(parent=name, right_event=event))


def valued(client: Client, name: str) -> valuation_pb2.Valuation:
    return client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=[name])).valuations[0]


def test_the_worked_patent_has_its_value_and_no_doubt_has_no_spread(client: Client) -> None:
    answer = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent()))
    assert (answer.value.units, answer.value.nanos) == (1_469_680, 760_000_000)
    assert answer.pledge_value == answer.value
    assert list(answer.flags) == ["NO_DOUBT_GIVEN"]
    assert "No public prices" in answer.evidence


def test_doubt_lowers_the_pledge_value_and_the_same_question_has_the_same_answer(client: Client) -> None:
    name = register(client, "patent-doubt")
    question = ip_pb2.RightQuestion(doubt=DOUBT, indicators=SCORES, loan_years=Decimal(value="3"))
    request = ip_pb2.ValueRightRequest(name=name, question=question)
    answer = service(client).ValueRight(request)
    assert answer.pledge_value.units < answer.value.units
    assert [one.value.units for one in answer.quantiles] == sorted(one.value.units for one in answer.quantiles)
    assert (answer.tier, float(answer.score.value)) == ("B", pytest.approx(70.0))
    assert float(answer.cap.value) == pytest.approx(0.25 * 0.8)
    assert answer.loan_life == ip_pb2.LOAN_LIFE_ENOUGH
    assert list(answer.flags) == []
    assert service(client).ValueRight(request) == answer


def test_a_lapse_takes_the_value_to_nothing_the_same_day_and_a_restoration_brings_it_back(client: Client) -> None:
    name = register(client, "patent-lapse")
    before = valued(client, name)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED)
    gone = valued(client, name)
    assert gone.state == valuation_pb2.VALUATION_STATE_ZERO
    assert list(gone.zero_reasons) == [common_pb2.ZERO_REASON_LAPSED]
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name))
    assert (answer.value.units, list(answer.reasons)) == (0, ["LAPSED"])
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED)
    assert valued(client, name).market_value == before.market_value
    listed = service(client).ListRightEvents(ip_pb2.ListRightEventsRequest(parent=name)).right_events
    assert [event.kind for event in listed] == [
        ip_pb2.RIGHT_EVENT_KIND_RESTORED,
        ip_pb2.RIGHT_EVENT_KIND_LAPSED,
    ]


def refused_field(client: Client, name: str, kind: int, day: date) -> str:
    """The field that a refused event is refused by."""
    with pytest.raises(grpc.RpcError) as refused:
        record(client, name, kind, day)
    (field,) = details_of(refused.value)[1]
    return str(field)


def test_an_event_of_an_earlier_day_or_a_grant_does_not_revive_a_lapsed_right(client: Client) -> None:
    name = register(client, "patent-revived")
    lapsed, earlier, later = date(2021, 6, 1), date(2019, 3, 1), date(2021, 7, 1)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED, lapsed)
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED, earlier) == "right_event.date"
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_GRANTED, earlier) == "right_event.date"
    assert refused_field(client, name, ip_pb2.RIGHT_EVENT_KIND_GRANTED, later) == "event"
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LICENSED_EXCLUSIVELY, earlier)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_LAPSED]


def test_each_event_changes_value_eligibility_or_flag(client: Client) -> None:
    name = register(client, "patent-events")
    whole = valued(client, name).market_value.units
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED, share="0.4")
    shared = valued(client, name)
    assert shared.market_value.units == pytest.approx(0.4 * whole, abs=1)
    assert common_pb2.QUALITY_FLAG_CO_OWNED in shared.quality_flags
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_SOLE_OWNERSHIP)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LICENSED_EXCLUSIVELY)
    assert common_pb2.QUALITY_FLAG_LICENSED_EXCLUSIVELY in valued(client, name).quality_flags
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_DISPUTED)
    assert common_pb2.UNKNOWN_REASON_STATUS_UNCERTAIN in valued(client, name).unknown_reasons
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_DISPUTE_SETTLED)
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_PLEDGED_ELSEWHERE)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_DOUBLE_PLEDGED]
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_PLEDGE_RELEASED)
    assert valued(client, name).market_value.units == whole
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_INVALIDATED)
    assert list(valued(client, name).zero_reasons) == [common_pb2.ZERO_REASON_INVALIDATED]


@pytest.mark.parametrize("status", [asset_pb2.ASSET_STATUS_SEIZED, asset_pb2.ASSET_STATUS_LOST])
def test_a_pledge_elsewhere_and_its_release_leave_a_seizure_or_loss_as_it_was(client: Client, status: int) -> None:
    name = register(client, f"patent-gone-{status}")
    asset = asset_pb2.Asset(name=name, status=status)
    mask = FieldMask(paths=["status"])
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=asset, update_mask=mask))
    gone = valued(client, name)
    assert gone.state == valuation_pb2.VALUATION_STATE_ZERO
    for kind in (ip_pb2.RIGHT_EVENT_KIND_PLEDGED_ELSEWHERE, ip_pb2.RIGHT_EVENT_KIND_PLEDGE_RELEASED):
        record(client, name, kind)
        assert list(valued(client, name).zero_reasons) == list(gone.zero_reasons)
    assert client.assets.GetAsset(asset_pb2.GetAssetRequest(name=name)).status == status


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (asset_pb2.ASSET_STATUS_LOST, "LOST"),
        (asset_pb2.ASSET_STATUS_SEIZED, "SEIZED"),
        (asset_pb2.ASSET_STATUS_DOUBLE_PLEDGED, "DOUBLE_PLEDGED"),
        (asset_pb2.ASSET_STATUS_RETIRED, "RETIRED"),
    ],
)
def test_a_right_whose_asset_is_gone_is_answered_as_zero_with_the_reason_of_the_book(
    client: Client, status: int, reason: str
) -> None:
    """Also where a technology life and a legal status are missing, so that its value would not be known."""
    name = register(client, f"patent-zero-{status}")
    right = patent(f"bare-{reason}")
    right.ClearField("filing_date")
    right.ClearField("technology_life_years")
    right.ClearField("legal_status")
    bare = asset_pb2.Asset(
        owner="Invented Firm", asset_class="ip.patent", currency_code="CNY", intellectual_property=right
    )
    bare_name = client.assets.CreateAsset(
        asset_pb2.CreateAssetRequest(asset=bare, asset_id=f"patent-bare-{status}")
    ).name
    for one in (name, bare_name):
        if status == asset_pb2.ASSET_STATUS_RETIRED:
            client.assets.RetireAsset(asset_pb2.RetireAssetRequest(name=one))
        else:
            asset, mask = asset_pb2.Asset(name=one, status=status), FieldMask(paths=["status"])
            client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=asset, update_mask=mask))
        question = ip_pb2.RightQuestion(doubt=DOUBT)
        answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=one, question=question))
        amounts = [answer.value, answer.mean, answer.pledge_value, *(quantile.value for quantile in answer.quantiles)]
        assert {(amount.currency_code, amount.units, amount.nanos) for amount in amounts} == {("CNY", 0, 0)}
        assert list(answer.reasons) == [reason]
        booked = [common_pb2.ZeroReason.Name(zero) for zero in valued(client, one).zero_reasons]
        assert booked == [f"ZERO_REASON_{reason}"]


def test_fees_of_rights_in_force_are_listed_and_others_are_named(client: Client) -> None:
    name, other = register(client, "patent-fees"), register(client, "patent-elsewhere", office="XX")
    answer = service(client).ListComingFees(ip_pb2.ListComingFeesRequest(days_ahead=120))
    fee = next(fee for fee in answer.fees if fee.asset == name)
    assert (fee.due_date, fee.amount.units, fee.amount.currency_code) == (calendar(date(2022, 3, 31)), 2_000, "CNY")
    assert other in answer.assets_without_calendar


def test_fees_of_a_disputed_right_still_fall_due_and_those_of_a_retired_one_do_not(client: Client) -> None:
    disputed, retired = register(client, "patent-fees-disputed"), register(client, "patent-fees-retired")
    record(client, disputed, ip_pb2.RIGHT_EVENT_KIND_DISPUTED)
    client.assets.RetireAsset(asset_pb2.RetireAssetRequest(name=retired))
    fees = service(client).ListComingFees(ip_pb2.ListComingFeesRequest(days_ahead=120)).fees
    assert (disputed in {fee.asset for fee in fees}, retired in {fee.asset for fee in fees}) == (True, False)


def question_of(earned: list[int], charged: list[int], growth: str = "") -> ip_pb2.RightQuestion:
    """A question with years of earnings and charges as brackets, in yuan, and a cost of making the right again."""
    return ip_pb2.RightQuestion(
        brackets=ip_pb2.RightBrackets(
            reproduction_cost=Money(currency_code="CNY", units=1_000_000),
            functional_obsolescence=Decimal(value="0.1"),
            economic_obsolescence=Decimal(value="0.2"),
            earnings=ip_pb2.ExcessEarnings(
                earnings_after_tax=[Money(currency_code="CNY", units=amount) for amount in earned],
                contributory_charges=[Money(currency_code="CNY", units=amount) for amount in charged],
                terminal_growth=Decimal(value=growth) if growth else None,
            ),
        )
    )


def test_excess_earnings_and_cost_are_brackets_and_years_beyond_the_life_do_not_count(client: Client) -> None:
    five = question_of([500_000] * 5, [100_000] * 5)
    answer = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=five))
    by_hand = sum(400_000 / 1.15 ** (year + 0.5) for year in range(5))
    assert answer.brackets.excess_earnings.units == pytest.approx(by_hand, abs=1)
    assert answer.brackets.cost.units == 720_000
    assert list(answer.bracket_flags) == ["ABOVE_EXCESS_EARNINGS"]
    nine = question_of([500_000] * 9, [100_000] * 9)
    longer = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=nine))
    assert longer.brackets.excess_earnings == answer.brackets.excess_earnings
    for_ever = question_of([500_000], [100_000], "0.05")
    renewed = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=for_ever))
    assert renewed.brackets.excess_earnings.units == pytest.approx(400_000 * 1.15**0.5 / (0.15 - 0.05), abs=1)


def test_brackets_that_cannot_be_are_refused_by_their_field(client: Client) -> None:
    dollars = question_of([1], [1])
    dollars.brackets.earnings.contributory_charges[0].currency_code = "USD"
    both = question_of([1], [1])
    both.brackets.excess_earnings.CopyFrom(Money(currency_code="CNY", units=1))
    cases = (
        (question_of([500_000], [100_000], "0.15"), "terminal_growth"),
        (question_of([500_000] * 2, [100_000]), "contributory_charges"),
        (both, "brackets.excess_earnings"),
        (dollars, "question.brackets.earnings.contributory_charges"),
        (ip_pb2.RightQuestion(operating_margin=Decimal(value="0.04")), "royalty_rate[0]"),
    )
    for question, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=question))
        assert details_of(refused.value)[1] == [field]


def test_a_recorded_score_takes_its_share_of_the_cap_and_a_veto_all_of_it(client: Client) -> None:
    name = register(client, "patent-scored")
    before = valued(client, name)

    def scored(score: float) -> valuation_pb2.Valuation:
        right = asset_pb2.IntellectualProperty(indicators=dict.fromkeys(SCORES, score))
        client.assets.UpdateAsset(
            asset_pb2.UpdateAssetRequest(
                asset=asset_pb2.Asset(name=name, intellectual_property=right),
                update_mask=FieldMask(paths=["intellectual_property.indicators"]),
            )
        )
        return valued(client, name)

    tier_b = scored(70.0)
    assert tier_b.market_value == before.market_value
    assert float(tier_b.cap.value) == pytest.approx(0.8 * float(before.cap.value))
    assert common_pb2.QUALITY_FLAG_CAP_BY_SCORE in tier_b.quality_flags
    assert tier_b.lendable_value.units == pytest.approx(0.8 * 0.25 * before.market_value.units, abs=1)
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name))
    assert (answer.value, float(answer.cap.value), answer.tier) == (tier_b.market_value, float(tier_b.cap.value), "B")
    assert scored(100.0).lendable_value == before.lendable_value
    record(client, name, ip_pb2.RIGHT_EVENT_KIND_LICENSED_EXCLUSIVELY)
    vetoed = valued(client, name)
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name))
    assert (answer.cap.value, list(answer.vetoes)) == ("0", ["licensed exclusively"])
    assert answer.value == vetoed.market_value
    assert (vetoed.lendable_value.units, vetoed.market_value) == (0, before.market_value)
    with pytest.raises(grpc.RpcError) as refused:
        scored(101.0)
    assert details_of(refused.value)[1][0].startswith("indicators.")


def test_the_cap_of_an_answer_is_that_of_the_policy_for_the_kind(client: Client) -> None:
    caps = {}
    for kind in (asset_pb2.RIGHT_KIND_TRADEMARK, asset_pb2.RIGHT_KIND_SOFTWARE, asset_pb2.RIGHT_KIND_COPYRIGHT):
        right = patent()
        right.kind = kind
        caps[kind] = float(service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=right)).cap.value)
    assert list(caps.values()) == [0.5, 0.15, 0.1]


def pledged(client: Client, asset_id: str, years: float) -> None:
    """Pledges a right to a new loan that ends in so many years."""
    loan_id = f"loan-{asset_id}"
    maturity = calendar(FIRST_DAY + timedelta(days=round(years * 365.25)))
    client.register_loan(loan_id, "CNY", maturity_date=maturity)
    client.pledge(loan_id, asset_id)


def test_a_right_that_ends_before_the_loan_is_refused_and_one_within_the_margin_is_a_finding(client: Client) -> None:
    for asset_id in ("patent-early", "patent-late", "patent-enough"):
        register(client, asset_id)
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-early", 5.1)
    assert details_of(refused.value)[0].reason == "RIGHT_ENDS_EARLY"
    assert details_of(refused.value)[0].metadata["right_years"] == "5.00"
    assert not client.loans.ListPledges(loan_pb2.ListPledgesRequest(parent="loans/loan-patent-early")).pledges
    pledged(client, "patent-late", 4.0)
    pledged(client, "patent-enough", 2.9)
    request = finding_pb2.ListFindingsRequest(filter="kind = RIGHT_ENDS_EARLY")
    found = client.findings.ListFindings(request).findings
    assert [(one.asset, one.loan) for one in found] == [("assets/patent-late", "loans/loan-patent-late")]


def test_a_technology_life_runs_down_in_the_book_the_answer_and_beside_a_loan(client: Client) -> None:
    right = patent("patent-aged")
    right.technology_life_date.CopyFrom(calendar(FIRST_DAY - timedelta(days=731)))
    asset = asset_pb2.Asset(
        owner="Invented Firm", asset_class="ip.patent", currency_code="CNY", intellectual_property=right
    )
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="patent-aged"))
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name="assets/patent-aged"))
    assert float(answer.remaining_life_years.value) == pytest.approx(5.0 - 731 / 365.25, abs=1e-6)
    assert valued(client, "assets/patent-aged").market_value == answer.value
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-aged", 3.1)
    assert details_of(refused.value)[0].metadata["right_years"] == "3.00"


@pytest.mark.parametrize("name", ["next_year_revenue", "royalty_rate", "annual_survival"])
def test_a_right_that_would_be_worth_nothing_without_a_reason_is_refused(client: Client, name: str) -> None:
    right = patent()
    getattr(right, name).CopyFrom(Money(currency_code="CNY") if name == "next_year_revenue" else Decimal(value="0.0"))
    with pytest.raises(grpc.RpcError) as refused:
        service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=right))
    assert details_of(refused.value)[1] == [f"intellectual_property.{name}"]


def test_survival_told_apart_counts_as_its_product_and_each_part_is_shown(client: Client) -> None:
    whole, parts = patent("patent-survival"), patent("patent-survival")
    whole.annual_survival.value = "0.84645"
    parts.survival.legal.value, parts.survival.technical.value = "0.99", "0.95"
    parts.survival.commercial.value = "0.9"
    by_whole = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=whole))
    by_parts = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=parts))
    assert by_parts.value == by_whole.value
    assert (by_parts.annual_survival.value, by_parts.survival.technical.value) == ("0.84645", "0.95")
    assert not by_whole.HasField("survival")
    asset = asset_pb2.Asset(owner="Firm", asset_class="ip.patent", currency_code="CNY", intellectual_property=parts)
    kept = client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="patent-survival"))
    assert kept.intellectual_property.survival == parts.survival
    assert valued(client, kept.name).market_value == by_whole.value
    change = asset_pb2.Asset(name=kept.name, intellectual_property=whole)
    mask = FieldMask(paths=["intellectual_property.survival", "intellectual_property.annual_survival"])
    again = client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=change, update_mask=mask))
    assert again.intellectual_property.annual_survival == whole.annual_survival
    parts.survival.legal.value = "0"
    cases = ((parts, "intellectual_property.survival.legal"), (whole, "intellectual_property.annual_survival"))
    whole.survival.legal.value = "0.9"
    for right, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=right))
        assert details_of(refused.value)[1] == [field]


def put_off(client: Client, asset_id: str, years: float) -> None:
    """Moves the end of the loan of a right to so many years from now."""
    loan = client.loans.GetLoan(loan_pb2.GetLoanRequest(name=f"loans/loan-{asset_id}"))
    loan.maturity_date.CopyFrom(calendar(FIRST_DAY + timedelta(days=round(years * 365.25))))
    client.loans.UpdateLoan(loan_pb2.UpdateLoanRequest(loan=loan, update_mask=FieldMask(paths=["maturity_date"])))


def found_of(client: Client, asset_id: str) -> list[str]:
    """The open findings of an asset by kind, oldest first."""
    request = finding_pb2.ListFindingsRequest(filter=f'asset = "{asset_id}"')
    return [
        finding_pb2.FindingKind.Name(one.kind).removeprefix("FINDING_KIND_")
        for one in reversed(client.findings.ListFindings(request).findings)
    ]


def test_a_maturity_put_off_is_held_against_the_right_as_at_pledge(client: Client) -> None:
    register(client, "patent-put-off")
    pledged(client, "patent-put-off", 2.0)
    assert found_of(client, "patent-put-off") == []
    with pytest.raises(grpc.RpcError) as refused:
        put_off(client, "patent-put-off", 5.1)
    assert details_of(refused.value)[0].reason == "RIGHT_ENDS_EARLY"
    kept = client.loans.GetLoan(loan_pb2.GetLoanRequest(name="loans/loan-patent-put-off")).maturity_date
    assert kept == calendar(FIRST_DAY + timedelta(days=round(2.0 * 365.25)))
    put_off(client, "patent-put-off", 3.0 - 1.0 / 365.0)
    assert found_of(client, "patent-put-off") == []
    put_off(client, "patent-put-off", 4.0)
    assert found_of(client, "patent-put-off") == ["RIGHT_ENDS_EARLY", "LOAN_TOO_LONG"]
    put_off(client, "patent-put-off", 1.0)
    assert found_of(client, "patent-put-off") == ["RIGHT_ENDS_EARLY", "LOAN_TOO_LONG"]


def test_a_loan_longer_than_the_policy_s_most_on_a_right_is_a_finding_though_the_right_lives_longer(
    client: Client,
) -> None:
    register(client, "patent-long", life="8")
    pledged(client, "patent-long", 3.1)
    assert found_of(client, "patent-long") == ["LOAN_TOO_LONG"]


def test_what_cannot_be_is_refused_by_its_field(client: Client) -> None:
    name = register(client, "patent-wrong")
    cases = (
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED), "event"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED, date(2022, 6, 1)), "right_event.date"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED, share="1.5"), "owned_share"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED), "owned_share"),
    )
    for call, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert details_of(refused.value)[1] == [field]
    assert valued(client, name).state == valuation_pb2.VALUATION_STATE_KNOWN
    early = ip_pb2.RightQuestion(loan_years=Decimal(value="9"))
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name, question=early))
    assert answer.loan_life == ip_pb2.LOAN_LIFE_ENDS_BEFORE


def test_a_policy_without_the_numbers_neither_refuses_nor_tells_a_right_that_ends_early(client: Client) -> None:
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    for one in policy.classes:
        kept = [number for number in one.numbers if not number.parameter.startswith(("life_", "loan_"))]
        del one.numbers[:]
        one.numbers.extend(kept)
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="silent"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/silent"))
    register(client, "patent-silent")
    pledged(client, "patent-silent", 9.0)
    request = finding_pb2.ListFindingsRequest(filter='asset = "patent-silent"')
    assert not client.findings.ListFindings(request).findings


def test_a_policy_may_refuse_a_loan_that_is_too_long_for_a_right(client: Client) -> None:
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    rights = next(one for one in policy.classes if one.asset_class == "ip")
    rights.numbers.add(parameter="loan_refused_years", value=Decimal(value="4"), source="House rule")
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="short-loans"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/short-loans"))
    register(client, "patent-short-loan", life="8")
    with pytest.raises(grpc.RpcError) as refused:
        pledged(client, "patent-short-loan", 4.1)
    assert details_of(refused.value)[0].reason == "LOAN_TOO_LONG"
