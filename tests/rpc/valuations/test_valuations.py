"""Values of assets of every kind, recomputed from the steps and inputs in the message."""

from datetime import date, timedelta
from decimal import Decimal as Number

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, common_pb2, loan_pb2, policy_pb2, valuation_pb2
from tests.support.server import (
    FIRST_DAY,
    amount,
    calendar,
    copper_lot,
    details_of,
    money,
    value_of,
)

KNOWN, UNKNOWN, ZERO = (
    valuation_pb2.VALUATION_STATE_KNOWN,
    valuation_pb2.VALUATION_STATE_UNKNOWN,
    valuation_pb2.VALUATION_STATE_ZERO,
)


def right(status=asset_pb2.LEGAL_STATUS_IN_FORCE, **fields) -> asset_pb2.Asset:
    detail = asset_pb2.IntellectualProperty(
        kind=asset_pb2.RIGHT_KIND_PATENT,
        office="EP",
        number="EP1",
        filing_date=calendar(date(2015, 1, 1)),
        legal_status=status,
        next_year_revenue=money("10000000"),
        royalty_rate=Decimal(value="0.05"),
        tax_rate=Decimal(value="0.25"),
        discount_rate=Decimal(value="0.15"),
        **fields,
    )
    return asset_pb2.Asset(owner="A", asset_class="ip.patent", currency_code="USD", intellectual_property=detail)


def test_the_lendable_value_follows_from_the_steps(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    value = value_of(client, "lot-1")
    kept = Number(1)
    for step in value.haircut_steps:
        kept *= 1 - Number(step.haircut.value)
    share = min(kept, 1 - Number(value.haircut_floor.value), Number(value.cap.value))

    assert value.state == KNOWN
    assert amount(value.market_value) == 1_000_000
    assert abs(amount(value.lendable_value) - 1_000_000 * share) < 1
    assert [given.input for given in value.inputs] == ["quantity", "quantity_in_price_unit", "price"]
    assert value.inputs[2].date == calendar(FIRST_DAY)
    assert value.horizon_days == 15
    assert value.policy == "policies/default-2021"
    assert value.haircut_model == "pooled-scale/2"


def test_a_quote_equals_the_value_of_the_registered_asset(client):
    client.open_copper()
    client.quote_history()
    quoted = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=copper_lot()))
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=copper_lot(), asset_id="lot-1"))
    valued = value_of(client, "lot-1")

    assert quoted.asset == ""
    assert quoted.lendable_value == valued.lendable_value
    assert list(quoted.haircut_steps) == list(valued.haircut_steps)


def test_a_lot_without_a_price_is_unknown_until_its_series_is_created(client):
    client.register_lot()
    before = value_of(client, "lot-1")
    client.open_copper()
    client.quote_history()
    after = value_of(client, "lot-1")

    assert before.state == UNKNOWN
    assert list(before.unknown_reasons) == [common_pb2.UNKNOWN_REASON_NO_PRICE]
    assert not before.HasField("market_value")
    assert after.state == KNOWN


def test_a_stale_price_makes_the_value_unknown_and_the_last_good_value_is_returned(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    good = value_of(client, "lot-1")
    client.advance(FIRST_DAY + timedelta(days=11))
    stale = value_of(client, "lot-1")

    assert stale.state == UNKNOWN
    assert list(stale.unknown_reasons) == [common_pb2.UNKNOWN_REASON_STALE_PRICE]
    assert stale.last_good_lendable_value == good.lendable_value
    assert stale.last_good_date == calendar(FIRST_DAY)


def test_the_age_of_a_price_lengthens_the_horizon_and_deepens_the_haircut(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    fresh = value_of(client, "lot-1")
    client.advance(FIRST_DAY + timedelta(days=7))
    old = value_of(client, "lot-1")

    assert old.horizon_days == fresh.horizon_days + 5
    assert Number(old.haircut.value) > Number(fresh.haircut.value)


def test_a_patent_is_worth_its_saved_royalties(client):
    """Thirteen years of 375,000 after tax at mid-year without growth: the closed form of an annuity."""
    value = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=right()))
    years = (date(2035, 1, 1) - FIRST_DAY).days / 365.25
    whole = 375_000 * (1 - 1.15 ** -int(years)) / 0.15 * 1.15**0.5
    rest = 375_000 * (years - int(years)) / 1.15 ** (int(years) + 0.5)

    assert float(amount(value.market_value)) == pytest.approx(whole + rest, rel=1e-4)
    assert value.model == "relief-from-royalty/1"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (asset_pb2.LEGAL_STATUS_LAPSED, ZERO),
        (asset_pb2.LEGAL_STATUS_INVALIDATED, ZERO),
        (asset_pb2.LEGAL_STATUS_EXPIRED, UNKNOWN),
        (asset_pb2.LEGAL_STATUS_PENDING, UNKNOWN),
        (asset_pb2.LEGAL_STATUS_DISPUTED, UNKNOWN),
        (asset_pb2.LEGAL_STATUS_UNSPECIFIED, UNKNOWN),
    ],
)
def test_the_status_of_an_ip_asset_takes_precedence_over_its_income(shared_client, status, state):
    value = shared_client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=right(status)))

    assert value.state == state


def test_a_patent_that_lapses_puts_its_loan_into_breach_the_same_day(client):
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=right(), asset_id="right-1"))
    client.register_loan()
    client.pledge(asset_id="right-1")
    client.owe("100000")
    before = client.loan().cover.level
    lapsed = asset_pb2.IntellectualProperty(legal_status=asset_pb2.LEGAL_STATUS_LAPSED)
    change = asset_pb2.Asset(name="assets/right-1", intellectual_property=lapsed)
    mask = FieldMask(paths=["intellectual_property.legal_status"])
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=change, update_mask=mask))
    cover = client.loan().cover

    assert before == common_pb2.LTV_LEVEL_NONE
    assert cover.level == common_pb2.LTV_LEVEL_LIQUIDATION
    assert cover.ltv_infinite
    assert cover.coverage == common_pb2.COVERAGE_KNOWN


@pytest.mark.parametrize(
    "status", [asset_pb2.ASSET_STATUS_LOST, asset_pb2.ASSET_STATUS_SEIZED, asset_pb2.ASSET_STATUS_DOUBLE_PLEDGED]
)
def test_lost_seized_and_double_pledged_goods_are_worth_nothing(client, status):
    client.open_copper()
    client.quote_history()
    client.register_lot(status=status)

    assert value_of(client, "lot-1").state == ZERO


def test_expired_insurance_makes_a_value_unknown(client):
    client.open_copper()
    client.quote_history()
    lot = copper_lot()
    lot.insurance_expire_date.CopyFrom(calendar(FIRST_DAY - timedelta(days=1)))
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=lot, asset_id="lot-1"))

    assert list(value_of(client, "lot-1").unknown_reasons) == [common_pb2.UNKNOWN_REASON_INSURANCE_EXPIRED]


def test_an_expired_registration_makes_the_pledge_count_as_unknown(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    client.register_loan()
    client.pledge(registration_expire_date=calendar(FIRST_DAY - timedelta(days=1)))
    client.owe("500000")
    cover = client.loan().cover

    assert cover.coverage == common_pb2.COVERAGE_UNKNOWN
    assert list(cover.unknown_reasons) == [common_pb2.UNKNOWN_REASON_REGISTRATION_EXPIRED]
    mask = FieldMask(paths=["registration_expire_date"])
    renewed = loan_pb2.Pledge(
        name="loans/loan-1/pledges/p-1", registration_expire_date=calendar(FIRST_DAY + timedelta(days=900))
    )
    client.loans.UpdatePledge(loan_pb2.UpdatePledgeRequest(pledge=renewed, update_mask=mask))
    assert client.loan().cover.coverage == common_pb2.COVERAGE_KNOWN


def test_recorded_valuations_are_listed_newest_first_and_stay(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    client.quote("9900", FIRST_DAY)
    listed = client.valuations.ListValuations(valuation_pb2.ListValuationsRequest(parent="assets/lot-1")).valuations
    again = client.valuations.GetValuation(valuation_pb2.GetValuationRequest(name=listed[1].name))

    assert [value.market_value.units for value in listed] == [990_000, 1_000_000]
    assert again == listed[1]


def test_a_new_policy_changes_values_once_it_is_activated(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    policy = client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    for entry in policy.classes:
        if entry.asset_class == "inventory.base_metal":
            cap = next(number for number in entry.numbers if number.parameter == "cap")
            cap.value.value, cap.source = "0.5", "credit committee"
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="strict"))
    draft = value_of(client, "lot-1")
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/strict"))
    active = value_of(client, "lot-1")
    versions = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies

    assert draft.policy == "policies/default-2021"
    assert active.policy == "policies/strict"
    assert amount(active.lendable_value) == 500_000
    assert [version.state for version in versions] == [
        policy_pb2.POLICY_STATE_ACTIVE,
        policy_pb2.POLICY_STATE_SUPERSEDED,
    ]


CAP = "policy.classes[inventory].numbers[cap]"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda policy: policy.rules.pop(0), "policy.rules"),
        (lambda policy: policy.rules[0].value.MergeFrom(Decimal(value="1.5")), "policy.rules"),
        (lambda policy: policy.rules[0].MergeFrom(policy_pb2.PolicyNumber(parameter="colour")), "policy.rules"),
        (
            lambda policy: policy.classes[0].numbers[0].value.MergeFrom(Decimal(value="1.2")),
            f"{CAP}.value",
        ),
        (
            lambda policy: setattr(policy.classes[0].numbers[0], "source", ""),
            f"{CAP}.source",
        ),
    ],
)
def test_a_policy_with_a_broken_number_is_refused(shared_client, change, field):
    policy = shared_client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    change(policy)
    with pytest.raises(grpc.RpcError) as refused:
        shared_client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="broken"))

    assert details_of(refused.value)[1] == [field]


def test_every_number_of_the_default_policy_has_a_source(shared_client):
    policy = shared_client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    numbers = [*policy.rules, *policy.expected_hours, *(number for entry in policy.classes for number in entry.numbers)]

    assert len(numbers) > 60
    assert all(number.source for number in numbers)


def test_a_price_that_rose_too_fast_shows_market_value_adjusted_value_and_flag(client):
    client.covered_loan()
    calm = value_of(client, "lot-1")
    client.advance(FIRST_DAY + timedelta(days=3))
    client.quote("14500", FIRST_DAY + timedelta(days=3))
    risen = value_of(client, "lot-1")

    assert (calm.price_adjustment.value, calm.adjusted_value) == ("1", calm.market_value)
    assert common_pb2.QUALITY_FLAG_PRICE_ADJUSTED not in calm.quality_flags
    assert amount(risen.market_value) == 1_450_000
    assert abs(amount(risen.adjusted_value) - 1_450_000 * Number(risen.price_adjustment.value)) < 1
    assert amount(risen.adjusted_value) < 1_200_000
    kept = 1 - Number(risen.haircut.value)
    assert abs(amount(risen.lendable_value) - amount(risen.adjusted_value) * kept) < 1
    assert common_pb2.QUALITY_FLAG_PRICE_ADJUSTED in risen.quality_flags
    cover = client.loan().cover
    assert cover.market_value == risen.adjusted_value
    assert cover.lendable_value == risen.lendable_value
    assert common_pb2.QUALITY_FLAG_PRICE_ADJUSTED in cover.quality_flags


def test_a_stale_price_leaves_the_adjusted_value_of_the_last_known_one(client):
    client.covered_loan()
    client.quote("14500", FIRST_DAY)
    known = value_of(client, "lot-1")
    client.advance(FIRST_DAY + timedelta(days=60))
    stale = value_of(client, "lot-1")

    assert stale.state == UNKNOWN
    assert not stale.HasField("price_adjustment")
    assert stale.last_good_adjusted_value == known.adjusted_value
    assert amount(stale.last_good_market_value) == 1_450_000
