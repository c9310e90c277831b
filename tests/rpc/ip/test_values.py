"""Values of IP assets: distribution, evidence, brackets, score, cap, and refused requests."""

from __future__ import annotations

from datetime import date

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    ip_pb2,
    valuation_pb2,
)
from tests.support.ip_assets import DOUBT, SCORES, patent, record, register, service, valued
from tests.support.server import Client, details_of


def test_the_example_patent_has_its_value_and_no_spread_without_uncertainty(client: Client) -> None:
    answer = service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent()))
    assert (answer.value.units, answer.value.nanos) == (1_469_680, 760_000_000)
    assert answer.pledge_value == answer.value
    assert list(answer.flags) == ["NO_DOUBT_GIVEN"]
    assert "No public prices" in answer.evidence


def test_uncertainty_lowers_the_pledge_value_and_the_same_question_has_the_same_answer(client: Client) -> None:
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


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (asset_pb2.ASSET_STATUS_LOST, "LOST"),
        (asset_pb2.ASSET_STATUS_SEIZED, "SEIZED"),
        (asset_pb2.ASSET_STATUS_DOUBLE_PLEDGED, "DOUBLE_PLEDGED"),
        (asset_pb2.ASSET_STATUS_RETIRED, "RETIRED"),
    ],
)
def test_an_ip_asset_with_a_zero_reason_is_answered_as_zero_with_that_reason(
    client: Client, status: int, reason: str
) -> None:
    """Also without a technology life and a legal status, when its value would be unknown."""
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


def question_of(earned: list[int], charged: list[int], growth: str = "") -> ip_pb2.RightQuestion:
    """A question in yuan whose brackets are yearly earnings and charges and a reproduction cost."""
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


def test_excess_earnings_and_cost_are_brackets_and_years_after_the_life_do_not_count(client: Client) -> None:
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


def test_invalid_brackets_are_refused_with_their_field(client: Client) -> None:
    dollars = question_of([1], [1])
    dollars.brackets.earnings.contributory_charges[0].currency_code = "USD"
    both = question_of([1], [1])
    both.brackets.excess_earnings.CopyFrom(Money(currency_code="CNY", units=1))
    cases = (
        (question_of([500_000], [100_000], "0.15"), "question.brackets.earnings.terminal_growth"),
        (question_of([500_000] * 2, [100_000]), "question.brackets.earnings.contributory_charges"),
        (both, "question.brackets.excess_earnings"),
        (dollars, "question.brackets.earnings.contributory_charges"),
        (ip_pb2.RightQuestion(operating_margin=Decimal(value="0.04")), "right.royalty_rate"),
    )
    for question, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=question))
        assert details_of(refused.value)[1] == [field]


def test_a_recorded_score_scales_the_cap_and_a_veto_makes_it_zero(client: Client) -> None:
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


@pytest.mark.parametrize("name", ["next_year_revenue", "royalty_rate", "annual_survival"])
def test_an_ip_asset_that_would_be_worth_zero_without_a_reason_is_refused(client: Client, name: str) -> None:
    right = patent()
    getattr(right, name).CopyFrom(Money(currency_code="CNY") if name == "next_year_revenue" else Decimal(value="0.0"))
    with pytest.raises(grpc.RpcError) as refused:
        service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=right))
    assert details_of(refused.value)[1] == [f"right.{name}"]


def test_survival_by_cause_counts_as_the_product_and_each_part_is_shown(client: Client) -> None:
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
    cases = ((parts, "right.survival.legal"), (whole, "right.annual_survival"))
    whole.survival.legal.value = "0.9"
    for right, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=right))
        assert details_of(refused.value)[1] == [field]


def test_invalid_requests_are_refused_with_their_field(client: Client) -> None:
    name = register(client, "patent-wrong")
    cases = (
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_RESTORED), "right_event.kind"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_LAPSED, date(2022, 6, 1)), "right_event.date"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED, share="1.5"), "right_event.owned_share"),
        (lambda: record(client, name, ip_pb2.RIGHT_EVENT_KIND_CO_OWNED), "right_event.owned_share"),
    )
    for call, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert details_of(refused.value)[1] == [field]
    assert valued(client, name).state == valuation_pb2.VALUATION_STATE_KNOWN
    early = ip_pb2.RightQuestion(loan_years=Decimal(value="9"))
    answer = service(client).ValueRight(ip_pb2.ValueRightRequest(name=name, question=early))
    assert answer.loan_life == ip_pb2.LOAN_LIFE_ENDS_BEFORE


def test_more_years_or_indicators_than_a_question_may_have_are_refused_before_they_are_read(client: Client) -> None:
    years = question_of([1] * 101, [1])
    invalid = years.brackets.earnings.earnings_after_tax.add()
    invalid.nanos = -1
    names = ip_pb2.RightQuestion(indicators={f"indicator {number}": 1.0 for number in range(101)})
    for question, field in ((years, "brackets.earnings.earnings_after_tax"), (names, "indicators")):
        with pytest.raises(grpc.RpcError) as refused:
            service(client).QuoteRight(ip_pb2.QuoteRightRequest(right=patent(), question=question))
        assert details_of(refused.value)[1] == [f"question.{field}"]
