"""The price new of a machine is indexed to the valuation date; its value stays between scrap value and price new."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import grpc
import pytest

from collateral_registry.v1 import asset_pb2, common_pb2, policy_pb2, price_pb2, valuation_pb2
from tests.support.server import (
    FIRST_DAY,
    Client,
    Server,
    calendar,
    connected,
    details_of,
    money,
    observation,
    with_papers,
)

PRICED = date(2020, 1, 15)
INDEX = (("2020-01-01", "100"), ("2020-06-01", "104"), ("2021-01-01", "110"), ("2021-12-01", "120"))
SCRAP_SHARE = Decimal("0.03")
"""Of the default policy."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server for all tests of the module, with an index at 120 % of January 2020."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('index') / 'book.db'}").start()
    with connected(running) as client:
        open_index(client, "machine-tools", 60)
        for day, level in INDEX:
            client.quote(level, date.fromisoformat(day), "machine-tools")
        classes = ("lathe", "press", "drill", "drill.deep", "drilling")
        client.change_classes("machines", added=[f"equipment.{name}" for name in classes])
        yield client
    running.stop()


def open_index(client: Client, series: str, max_age_days: int) -> None:
    message = price_pb2.PriceSeries(good="index", unit="t", currency_code="USD", max_age_days=max_age_days)
    client.prices.CreatePriceSeries(price_pb2.CreatePriceSeriesRequest(price_series=message, price_series_id=series))


def machine(serial: str, index: str = "", priced: date = PRICED, **fields: object) -> asset_pb2.Asset:
    given = {"build_date": calendar(date(2017, 1, 1)), "condition": asset_pb2.CONDITION_GOOD} | fields
    detail = asset_pb2.Equipment(
        make="Okura", serial_number=serial, equipment_class="metalworking_machines", price_new=money("100000"), **given
    )
    if index:
        detail.price_index = f"priceSeries/{index}"
        detail.price_new_date.CopyFrom(calendar(priced))
    return with_papers(asset_pb2.Asset(owner="A", asset_class="equipment", currency_code="USD", equipment=detail))


def dated(serial: str, asset_class: str, **fields: object) -> asset_pb2.Asset:
    """A machine with the date of its price and no index."""
    asset = machine(serial, **fields)
    asset.asset_class = asset_class
    asset.equipment.price_new_date.CopyFrom(calendar(PRICED))
    return asset


def policy_with_indices(client: Client, policy_id: str, **indices: str) -> None:
    """Activates the newest policy with the given indices by class of machines, dots written as __."""
    policy = client.policies.ListPolicies(policy_pb2.ListPoliciesRequest()).policies[0]
    policy.effective_date.CopyFrom(calendar(FIRST_DAY))
    for asset_class, index in indices.items():
        name = asset_class.replace("__", ".")
        entry = next((one for one in policy.classes if one.asset_class == name), None)
        (entry or policy.classes.add(asset_class=name)).price_index = f"priceSeries/{index}"
    client.policies.CreatePolicy(policy_pb2.CreatePolicyRequest(policy=policy, policy_id=policy_id))
    client.policies.ActivatePolicy(policy_pb2.ActivatePolicyRequest(name=f"policies/{policy_id}"))


def worth(client: Client, asset: asset_pb2.Asset) -> float:
    value = client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset)).market_value
    return value.units + value.nanos / 1e9


def register(client: Client, asset: asset_pb2.Asset, asset_id: str) -> None:
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=asset_id))


def test_an_index_a_fifth_higher_makes_the_machine_a_fifth_more_valuable(client: Client) -> None:
    assert worth(client, machine("1", "machine-tools")) == pytest.approx(1.2 * worth(client, machine("1")), abs=0.01)
    later = machine("1", "machine-tools", date(2021, 2, 1))
    assert worth(client, later) == pytest.approx(worth(client, machine("1")) * 120 / 110, abs=0.01)


def test_the_indexed_price_new_is_the_cap_and_its_scrap_share_the_floor(client: Client) -> None:
    today = calendar(FIRST_DAY)
    new = machine("2", "machine-tools", build_date=today, condition=asset_pb2.CONDITION_EXCELLENT)
    assert worth(client, new) == pytest.approx(120_000)
    wreck = machine("3", "machine-tools", build_date=calendar(date(1950, 1, 1)), condition=asset_pb2.CONDITION_SCRAP)
    assert worth(client, wreck) == pytest.approx(120_000 * float(SCRAP_SHARE))


def test_a_new_level_of_the_index_revalues_the_machines_that_name_it(client: Client) -> None:
    open_index(client, "presses", 60)
    client.quote("50", date(2020, 1, 1), "presses")
    register(client, machine("4", "presses"), "press-4")

    assert len(client.recorded_valuations("press-4")) == 1
    client.quote("55", date(2021, 12, 1), "presses")
    after, before = client.recorded_valuations("press-4")
    assert after.market_value.units == pytest.approx(before.market_value.units * 1.1, abs=1)


def test_a_newer_level_in_quarantine_is_flagged_and_changes_no_value(client: Client) -> None:
    open_index(client, "mills", 60)
    client.quote("50", date(2020, 1, 1), "mills")
    register(client, machine("6m", "mills"), "mill-6")
    assert client.quote("20", date(2021, 12, 1), "mills").quarantined_count == 1

    after, before = client.recorded_valuations("mill-6")
    assert after.market_value == before.market_value
    assert set(after.quality_flags) - set(before.quality_flags) == {common_pb2.QUALITY_FLAG_NEWER_PRICE_QUARANTINED}


def test_a_stale_index_is_flagged_and_a_day_before_its_first_value_is_unknown(client: Client) -> None:
    open_index(client, "old", 30)
    observed = [observation("old", FIRST_DAY - timedelta(days=31), "100")]
    client.prices.IngestPrices(price_pb2.IngestPricesRequest(observations=observed))
    quoted = valuation_pb2.QuoteAssetRequest(asset=machine("5", "old", FIRST_DAY))
    assert common_pb2.QUALITY_FLAG_STALE_SERIES in client.valuations.QuoteAsset(quoted).quality_flags
    quoted = valuation_pb2.QuoteAssetRequest(asset=machine("5", "old"))
    answer = client.valuations.QuoteAsset(quoted)
    assert answer.state == valuation_pb2.VALUATION_STATE_UNKNOWN
    assert list(answer.unknown_reasons) == [common_pb2.UNKNOWN_REASON_MISSING_INPUT]


def test_an_index_without_a_date_a_future_date_and_an_unknown_index_are_refused(client: Client) -> None:
    undated = machine("6", "machine-tools")
    undated.equipment.ClearField("price_new_date")
    cases = (
        (undated, "asset.equipment.price_new_date"),
        (machine("6", "machine-tools", FIRST_DAY + timedelta(days=1)), "asset.equipment.price_new_date"),
    )
    for asset, field in cases:
        with pytest.raises(grpc.RpcError) as refused:
            register(client, asset, "wrong")
        assert details_of(refused.value)[1] == [field]
    with pytest.raises(grpc.RpcError) as refused:
        register(client, machine("6", "unknown"), "wrong")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_index_is_returned_with_the_machine(client: Client) -> None:
    register(client, machine("7", "machine-tools"), "press-7")
    equipment = client.assets.GetAsset(asset_pb2.GetAssetRequest(name="assets/press-7")).equipment
    assert (equipment.price_index, equipment.price_new_date) == ("priceSeries/machine-tools", calendar(PRICED))


def test_a_machine_without_an_index_uses_that_of_its_class_and_its_own_takes_precedence(client: Client) -> None:
    for series, level in (("all-machines", "110"), ("lathes", "115")):
        open_index(client, series, 60)
        client.quote("100", date(2020, 1, 1), series)
        client.quote(level, date(2021, 12, 1), series)
    plain = worth(client, machine("8"))
    assert worth(client, dated("8", "equipment")) == plain
    register(client, dated("9", "equipment.lathe"), "lathe-9")

    policy_with_indices(client, "indexed", equipment="all-machines", equipment__lathe="lathes")

    assert worth(client, dated("8", "equipment")) == pytest.approx(1.1 * plain, abs=0.01)
    assert worth(client, dated("8", "equipment.press")) == pytest.approx(1.1 * plain, abs=0.01)
    assert worth(client, dated("8", "equipment.lathe")) == pytest.approx(1.15 * plain, abs=0.01)
    assert worth(client, machine("8", "machine-tools")) == pytest.approx(1.2 * plain, abs=0.01)
    assert worth(client, machine("8")) == plain
    assert client.recorded_valuations("lathe-9")[0].market_value.units == pytest.approx(1.15 * plain, abs=1)
    named = client.policies.GetPolicy(policy_pb2.GetPolicyRequest(name="policies/indexed")).classes
    assert {one.asset_class: one.price_index for one in named if one.price_index} == {
        "equipment": "priceSeries/all-machines", "equipment.lathe": "priceSeries/lathes"
    }  # fmt: skip


def test_a_new_level_of_the_index_of_a_class_revalues_its_machines(client: Client) -> None:
    open_index(client, "drills", 60)
    client.quote("50", date(2020, 1, 1), "drills")
    policy_with_indices(client, "drilled", equipment__drill="drills")
    register(client, dated("10", "equipment.drill.deep"), "drill-10")
    register(client, dated("11", "equipment.drilling"), "drilling-11")
    others = len(client.recorded_valuations("drilling-11"))

    client.quote("55", date(2021, 12, 1), "drills")

    after, before = client.recorded_valuations("drill-10")[:2]
    assert after.market_value.units == pytest.approx(before.market_value.units * 1.1, abs=1)
    assert len(client.recorded_valuations("drilling-11")) == others


def test_a_policy_with_an_unknown_index_or_an_index_for_other_assets_is_refused(client: Client) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        policy_with_indices(client, "grain-index", inventory__grain="machine-tools")
    assert details_of(refused.value)[1] == ["policy.classes[inventory.grain].price_index"]
    with pytest.raises(grpc.RpcError) as refused:
        policy_with_indices(client, "no-index", equipment="unknown")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
