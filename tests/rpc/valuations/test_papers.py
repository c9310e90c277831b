"""Papers that the policy requires: a missing paper is never better than an expired one."""

from datetime import date, timedelta
from decimal import Decimal as Number

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, common_pb2, loan_pb2, policy_pb2, valuation_pb2
from tests.support.server import FIRST_DAY, Client, calendar, copper_lot, details_of, money, with_papers

pytestmark = pytest.mark.slow

YESTERDAY = FIRST_DAY - timedelta(days=1)
LONG_AGO = FIRST_DAY - timedelta(days=366)
MISSING = {
    "insurance_expire_date": common_pb2.UNKNOWN_REASON_INSURANCE_MISSING,
    "last_inspection_date": common_pb2.UNKNOWN_REASON_INSPECTION_MISSING,
}
PLEDGE = "loans/loan-1/pledges/p-1"


def machine() -> asset_pb2.Asset:
    detail = asset_pb2.Equipment(
        make="Okura", serial_number="1", equipment_class="metalworking_machines", price_new=money("100000"),
        build_date=calendar(date(2017, 1, 1)),
    )  # fmt: skip
    asset = asset_pb2.Asset(owner="A", asset_class="equipment", currency_code="USD", equipment=detail)
    return with_papers(asset)


def patent(expire: date) -> asset_pb2.Asset:
    detail = asset_pb2.IntellectualProperty(
        kind=asset_pb2.RIGHT_KIND_PATENT, office="EP", number="EP1234567", filing_date=calendar(date(2015, 1, 1)),
        expire_date=calendar(expire), legal_status=asset_pb2.LEGAL_STATUS_IN_FORCE, next_year_revenue=money("10000000"),
        royalty_rate=Decimal(value="0.05"), tax_rate=Decimal(value="0.25"), discount_rate=Decimal(value="0.15"),
    )  # fmt: skip
    return asset_pb2.Asset(owner="A", asset_class="ip.patent", currency_code="USD", intellectual_property=detail)


def reasons(client: Client, asset_id: str) -> list[int]:
    request = valuation_pb2.ValueAssetsRequest(names=[f"assets/{asset_id}"])
    return list(client.valuations.ValueAssets(request).valuations[0].unknown_reasons)


def set_date(client: Client, asset_id: str, field: str, day: date | None) -> None:
    """States the date of a paper; None removes it."""
    change = asset_pb2.Asset(name=f"assets/{asset_id}")
    if day is not None:
        getattr(change, field).CopyFrom(calendar(day))
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=change, update_mask=FieldMask(paths=[field])))


def update_pledge(client: Client, *paths: str, **fields: object) -> None:
    request = loan_pb2.UpdatePledgeRequest(
        pledge=loan_pb2.Pledge(name=PLEDGE, **fields), update_mask=FieldMask(paths=[*paths, *fields])
    )
    client.loans.UpdatePledge(request)


def activate_with_number(client: Client, name: str, value: str) -> None:
    """Activates a copy of the newest policy with one more number for inventory."""
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    inventory = next(one for one in policy.classes if one.asset_class == "inventory")
    inventory.numbers.add(parameter=name, value=Decimal(value=value), source="test")
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="other"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/other"))


@pytest.mark.parametrize(
    ("field", "past", "expired"),
    [
        ("insurance_expire_date", YESTERDAY, common_pb2.UNKNOWN_REASON_INSURANCE_EXPIRED),
        ("last_inspection_date", LONG_AGO, common_pb2.UNKNOWN_REASON_INSPECTION_OVERDUE),
    ],
)
def test_a_required_paper_is_unknown_when_expired_and_when_removed(client, field, past, expired):
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=machine(), asset_id="press"))
    assert reasons(client, "press") == []

    set_date(client, "press", field, past)
    assert reasons(client, "press") == [expired]
    set_date(client, "press", field, None)
    assert reasons(client, "press") == [MISSING[field]]


def test_a_lot_without_insurance_is_unknown_when_registered_and_when_quoted(client):
    client.open_copper()
    client.quote_history()
    lot = copper_lot()
    lot.ClearField("insurance_expire_date")
    lot.ClearField("last_inspection_date")
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=lot, asset_id="lot-1"))
    lot.inventory.lot = "L-2"
    quoted = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=lot))

    assert reasons(client, "lot-1") == [common_pb2.UNKNOWN_REASON_INSURANCE_MISSING]
    assert list(quoted.unknown_reasons) == [common_pb2.UNKNOWN_REASON_INSURANCE_MISSING]


def test_insurance_that_the_policy_does_not_require_has_no_effect(client):
    right = patent(date(2034, 12, 31))
    right.insurance_expire_date.CopyFrom(calendar(YESTERDAY))
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=right, asset_id="patent"))
    assert reasons(client, "patent") == []

    set_date(client, "patent", "insurance_expire_date", None)
    assert reasons(client, "patent") == []


def test_the_passed_expiry_of_a_right_is_replaced_and_not_removed(client):
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=patent(YESTERDAY), asset_id="patent"))
    mask = FieldMask(paths=["intellectual_property.expire_date"])
    bare = asset_pb2.Asset(name="assets/patent", intellectual_property=asset_pb2.IntellectualProperty())
    with pytest.raises(grpc.RpcError) as refused:
        client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=bare, update_mask=mask))

    assert details_of(refused.value)[1] == ["asset.intellectual_property.expire_date"]
    bare.intellectual_property.expire_date.CopyFrom(calendar(date(2034, 12, 31)))
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=bare, update_mask=mask))
    assert reasons(client, "patent") == []


@pytest.mark.parametrize("absent", ["registry", "registration_number"])
def test_a_pledge_without_registration_counts_as_unknown(client, absent):
    client.covered_loan()
    assert client.loan().cover.coverage == common_pb2.COVERAGE_KNOWN, "a registration without expiry is enough"

    update_pledge(client, absent)
    cover = client.loan().cover
    assert cover.coverage == common_pb2.COVERAGE_UNKNOWN
    assert list(cover.unknown_reasons) == [common_pb2.UNKNOWN_REASON_REGISTRATION_MISSING]
    assert cover.lendable_value.units == 0


def test_the_expiry_of_a_registration_is_replaced_and_not_removed(client):
    client.covered_loan()
    update_pledge(client, registration_expire_date=calendar(YESTERDAY))
    with pytest.raises(grpc.RpcError) as refused:
        update_pledge(client, "registration_expire_date")

    assert details_of(refused.value)[1] == ["pledge.registration_expire_date"]
    assert list(client.loan().cover.unknown_reasons) == [common_pb2.UNKNOWN_REASON_REGISTRATION_EXPIRED]
    update_pledge(client, registration_expire_date=calendar(FIRST_DAY))
    assert client.loan().cover.coverage == common_pb2.COVERAGE_KNOWN


def test_an_unregistered_pledge_gets_the_legal_haircut_that_the_policy_states_for_it(client):
    client.covered_loan()
    registered = client.loan().cover.lendable_value.units

    activate_with_number(client, "unregistered_legal_haircut", "0.25")
    assert client.loan().cover.lendable_value.units == registered

    update_pledge(client, "registry")
    cover = client.loan().cover
    assert cover.coverage == common_pb2.COVERAGE_KNOWN
    assert Number(cover.lendable_value.units) == pytest.approx(Number(registered) * Number("0.75"), abs=1)
    update_pledge(client, registry="notices", registration_expire_date=calendar(YESTERDAY))
    assert client.loan().cover.lendable_value.units == cover.lendable_value.units, "expired counts as unregistered"
