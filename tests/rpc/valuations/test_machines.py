"""Values of machines, by age and hours, and of assets whose amounts are not stated."""

from datetime import date, timedelta

import pytest
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import asset_pb2, common_pb2, policy_pb2, valuation_pb2
from tests.support.server import (
    FIRST_DAY,
    Client,
    amount,
    calendar,
    money,
    value_of,
    with_papers,
)

KNOWN, UNKNOWN, ZERO = (
    valuation_pb2.VALUATION_STATE_KNOWN,
    valuation_pb2.VALUATION_STATE_UNKNOWN,
    valuation_pb2.VALUATION_STATE_ZERO,
)


def machine(**fields) -> asset_pb2.Asset:
    detail = asset_pb2.Equipment(
        make="Okura",
        serial_number="1",
        equipment_class="metalworking_machines",
        price_new=money("100000"),
        condition=asset_pb2.CONDITION_GOOD,
        **fields,
    )
    return with_papers(
        asset_pb2.Asset(owner="A", asset_class="equipment.commodity_machine", currency_code="USD", equipment=detail)
    )


def test_a_machine_of_five_years_has_the_published_share_of_its_price(client):
    """(1 - 0.1225)^5 of 100,000; each basis of value is lower than the previous one."""
    built = calendar(date(2016, 12, 31))
    value = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=machine(build_date=built)))
    bases = value.equipment_bases

    assert float(amount(value.market_value)) == pytest.approx(100_000 * (1 - 0.1225) ** 5, rel=2e-4)
    assert (
        amount(bases.fair_market_value)
        > amount(bases.orderly_liquidation_value)
        > amount(bases.net_orderly_liquidation_value)
        > amount(value.lendable_value)
    )
    assert amount(bases.forced_liquidation_value) < amount(bases.orderly_liquidation_value)
    assert common_pb2.QUALITY_FLAG_HOURS_UNKNOWN in value.quality_flags


YEARS = timedelta(days=1461)
"""Four years before the first business date, in which a metalworking machine is expected to run 8,000 hours."""


def quoted(client: Client, asset: asset_pb2.Asset) -> valuation_pb2.Valuation:
    return client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset))


def test_hours_count_against_the_expectation_of_the_policy_for_the_equipment_class(client):
    built = calendar(FIRST_DAY - YEARS)
    usual, double = (
        quoted(client, machine(build_date=built, hours=Decimal(value=hours))) for hours in ("8000", "16000")
    )

    assert common_pb2.QUALITY_FLAG_HOURS_UNKNOWN not in [*usual.quality_flags, *double.quality_flags]
    assert float(amount(double.market_value) / amount(usual.market_value)) == pytest.approx(0.5**0.2, rel=1e-6)


def test_an_expectation_stated_for_the_machine_replaces_that_of_the_policy(client):
    built, hours = calendar(FIRST_DAY - YEARS), Decimal(value="16000")
    by_policy, own = (
        quoted(client, machine(build_date=built, hours=hours, **stated))
        for stated in ({}, {"expected_hours_per_year": Decimal(value="4000")})
    )

    assert float(amount(by_policy.market_value) / amount(own.market_value)) == pytest.approx(0.5**0.2, rel=1e-6)


def test_a_policy_without_an_expectation_leaves_hours_without_effect_and_says_so(client):
    policy = client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/default-2021"))
    del policy.expected_hours[:]
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id="no-hours"))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name="policies/no-hours"))
    built = calendar(FIRST_DAY - YEARS)
    few, many = (quoted(client, machine(build_date=built, hours=Decimal(value=hours))) for hours in ("100", "30000"))

    assert few.market_value == many.market_value
    assert common_pb2.QUALITY_FLAG_HOURS_UNKNOWN in few.quality_flags


def without_amounts() -> list[asset_pb2.Asset]:
    """Returns an asset of each kind whose amounts and rates the owner does not state."""
    built, day = calendar(date(2015, 1, 1)), {"owner": "A", "currency_code": "USD"}
    return [
        asset_pb2.Asset(
            asset_class="equipment", **day,
            equipment=asset_pb2.Equipment(
                make="Okura", serial_number="1", equipment_class="metalworking_machines", build_date=built
            ),
        ),
        asset_pb2.Asset(
            asset_class="ip.patent", **day,
            intellectual_property=asset_pb2.IntellectualProperty(
                kind=asset_pb2.RIGHT_KIND_PATENT, office="EP", number="EP1", filing_date=built,
                legal_status=asset_pb2.LEGAL_STATUS_IN_FORCE,
            ),
        ),
        asset_pb2.Asset(
            asset_class="receivable", **day, receivable=asset_pb2.Receivable(debtor="B", invoice_number="1")
        ),
        asset_pb2.Asset(
            asset_class="order", **day, purchase_order=asset_pb2.PurchaseOrder(buyer="B", order_number="1")
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asset", "reason"),
    [
        (asset, common_pb2.UNKNOWN_REASON_MISSING_INPUT if has_model else common_pb2.UNKNOWN_REASON_NO_MODEL)
        for asset, has_model in zip(without_amounts(), (True, True, True, False), strict=True)
    ],
    ids=lambda one: one.WhichOneof("detail") if isinstance(one, asset_pb2.Asset) else "",
)
def test_an_asset_whose_amounts_are_not_stated_is_registered_and_unknown(client, asset, reason):
    stored = client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="bare"))
    stated = {field.name for field, _ in getattr(stored, asset.WhichOneof("detail")).ListFields()}
    value = value_of(client, "bare")

    assert not {"price_new", "next_year_revenue", "face_amount", "order_amount"} & stated
    assert value.state == UNKNOWN
    assert reason in value.unknown_reasons


def test_a_machine_without_a_build_date_is_unknown(client):
    value = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=machine()))

    assert value.state == UNKNOWN
    assert list(value.unknown_reasons) == [common_pb2.UNKNOWN_REASON_MISSING_INPUT]
