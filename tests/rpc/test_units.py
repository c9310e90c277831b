"""Units over gRPC: the spelling never changes a value, and a lot is priced by a series of its own good."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.v1 import (
    asset_pb2,
    common_pb2,
    price_pb2,
    stock_ledger_pb2,
    stock_pb2,
    valuation_pb2,
    warehouse_pb2,
)
from tests.rpc.stock.test_ledger import lots, record, rejected, resolve, stock_movement
from tests.support.server import FIRST_DAY, copper_lot, details_of

SPELLINGS = {
    "t": ("t", "mt", "MT", "Mt", "metric ton", "Metric_Tonnes", "吨", "公吨", "TNE"),
    "kg": ("kg", "KG", "kgs", "公斤", "千克", "㎏"),
    "lb": ("lb", "LBS", "pounds", "磅"),
    "dan": ("dan", "担", "市担"),
    "short_ton": ("short_ton", "short ton", "US ton", "短吨"),
}
QUANTITY = {"t": "100", "kg": "100000", "lb": "220000", "dan": "2000", "short_ton": "110"}


def open_series(client, series_id, good, unit, **fields):
    message = price_pb2.PriceSeries(good=good, unit=unit, currency_code="USD", max_age_days=10, **fields)
    return client.prices.CreatePriceSeries(
        price_pb2.CreatePriceSeriesRequest(price_series=message, price_series_id=series_id)
    )


def quoted(client, lot):
    return client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=lot)).market_value


def refused_fields(call, request):
    with pytest.raises(grpc.RpcError) as error:
        call(request)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    return details_of(error.value)[1], error.value.details()


def created(lot, asset_id="lot-1"):
    return asset_pb2.CreateAssetRequest(asset=lot, asset_id=asset_id)


def lot_of(good, unit, asset_class="inventory.base_metal", **fields):
    lot = copper_lot(unit=unit)
    lot.asset_class = asset_class
    lot.inventory.good = good
    for name, value in fields.items():
        setattr(lot.inventory, name, value)
    return lot


def test_the_spelling_of_a_unit_never_changes_a_value(client):
    values = {unit: set() for unit in SPELLINGS}
    for number, series_unit in enumerate(SPELLINGS["t"]):
        stored = open_series(client, f"copper-{number}", "copper", series_unit)
        client.quote("9000", FIRST_DAY, f"copper-{number}")
        assert stored.unit == "t"
        for unit, spellings in SPELLINGS.items():
            for spelling in spellings:
                lot = copper_lot(QUANTITY[unit], unit=spelling)
                lot.inventory.price_series = stored.name
                values[unit].add(quoted(client, lot).SerializeToString())

    assert {unit: len(found) for unit, found in values.items()} == dict.fromkeys(SPELLINGS, 1)


def test_a_registered_lot_holds_the_name_of_its_unit(client):
    assert client.assets.CreateAsset(created(copper_lot(unit="公吨"))).inventory.unit == "t"
    changed = asset_pb2.Asset(name="assets/lot-1", inventory=asset_pb2.Inventory(unit="KGS"))
    request = asset_pb2.UpdateAssetRequest(asset=changed, update_mask=FieldMask(paths=["inventory.unit"]))
    assert client.assets.UpdateAsset(request).inventory.unit == "kg"


@pytest.mark.parametrize(
    ("good", "asset_class", "series_unit", "unit", "worth"),
    [
        ("gold", "inventory.precious_metal", "oz_t", "oz", 100 * 9000),
        ("gold", "inventory.precious_metal", "oz", "troy ounces", 100 * 9000),
        ("brent", "inventory.energy", "barrel", "bbl", 100 * 9000),
        ("brent", "inventory.energy", "bbl", "桶", 100 * 9000),
        ("wheat", "inventory.grain", "bushel", "bu", 100 * 9000),
    ],
)
def test_a_word_follows_the_convention_of_the_good(client, good, asset_class, series_unit, unit, worth):
    open_series(client, good, good, series_unit)
    client.quote("9000", FIRST_DAY, good)

    assert quoted(client, lot_of(good, unit, asset_class)).units == worth


@pytest.mark.parametrize(("unit", "choice"), [("ton", "long_ton"), ("oz", "oz_av"), ("barrel", "drum"), ("kt", "kg")])
def test_a_unit_that_nothing_decides_is_refused_with_the_choices(client, unit, choice):
    fields, message = refused_fields(client.assets.CreateAsset, created(copper_lot(unit=unit)))
    assert fields == ["asset.inventory.unit"]
    assert unit in message
    assert choice in message
    series = price_pb2.PriceSeries(good="copper", unit=unit, currency_code="USD")
    request = price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id="copper")
    fields, message = refused_fields(client.prices.CreatePriceSeries, request)
    assert fields == ["price_series.unit"]
    assert choice in message


def test_a_series_gives_its_own_spellings_to_the_lots_that_it_prices(client):
    stored = open_series(client, "copper", "copper", "ton", unit_spellings={"ton": "short ton"})
    client.quote("9000", FIRST_DAY)

    assert (stored.unit, dict(stored.unit_spellings)) == ("short_ton", {"ton": "short_ton"})
    request = price_pb2.GetPriceSeriesRequest(name="priceSeries/copper")
    assert dict(client.prices.GetPriceSeries(request).unit_spellings) == {"ton": "short_ton"}
    assert quoted(client, copper_lot(unit="ton")).units == 900_000


def spell(client, spellings, **fields):
    feed = stock_ledger_pb2.StockFeed(name="stockFeeds/acme", unit_spellings=spellings)
    mask = FieldMask(paths=["unit_spellings"])
    request = stock_ledger_pb2.UpdateStockFeedRequest(stock_feed=feed, update_mask=mask, **fields)
    return client.ledger.UpdateStockFeed(request)


def test_movements_name_the_unit_of_a_lot_in_any_spelling(client):
    answer = record(
        client,
        stock_movement("in-1", "RECEIPT", "100", unit="吨"),
        stock_movement("out-1", "ISSUE", "60", unit="MT"),
        stock_movement("out-2", "ISSUE", "1", unit="kg"),
        stock_movement("out-3", "ISSUE", "1", unit="ton"),
    )

    assert [one.movement_id for one in answer.rejected_items] == ["out-2", "out-3"]
    assert answer.rejected_items[0].reason == stock_pb2.REJECTION_REASON_LOT_MISMATCH
    assert "short_ton" in answer.rejected_items[1].description
    assert lots(client, 'unit = "t"') == {("W-1", "L-1"): "40"}


def test_a_word_in_a_movement_follows_the_good_of_the_lot(client):
    answer = record(
        client,
        stock_movement("in-1", "RECEIPT", "100", good="gold", unit="ounces"),
        stock_movement("out-1", "ISSUE", "60", good="", unit="oz"),
        stock_movement("in-2", "RECEIPT", "100", lot="L-2", unit="oz"),
    )

    assert [one.movement_id for one in answer.rejected_items] == ["in-2"]
    assert lots(client, "unit = oz_t") == {("W-1", "L-1"): "40"}


def test_a_feed_has_its_own_spellings_also_before_its_first_batch(client):
    assert dict(spell(client, {"ton": "short_ton", "箱": "件"}).unit_spellings) == {"ton": "short_ton", "箱": "piece"}
    record(client, stock_movement("in-1", "RECEIPT", "100", unit="tons"))
    record(client, stock_movement("in-2", "RECEIPT", "100", lot="L-2", unit="ton"))
    record(client, stock_movement("in-3", "RECEIPT", "100", lot="L-3", unit="ton"), feed="other")

    assert lots(client) == {("W-1", "L-2"): "100"}
    assert [one.movement.unit for one in rejected(client)] == ["tons"]
    spell(client, {"tons": "short_ton"}, validate_only=True)
    name = rejected(client)[0].name
    with pytest.raises(grpc.RpcError):
        resolve(client, name)
    spell(client, {"tons": "short_ton"})
    resolve(client, name)
    assert lots(client, "unit = short_ton") == {("W-1", "L-2"): "100", ("W-1", "L-1"): "100"}
    feeds = client.ledger.ListStockFeeds(stock_ledger_pb2.ListStockFeedsRequest()).stock_feeds
    assert {one.name: dict(one.unit_spellings) for one in feeds} == {
        "stockFeeds/acme": {"tons": "short_ton"},
        "stockFeeds/other": {},
    }


def test_an_own_spelling_never_changes_what_the_registry_knows(client):
    with pytest.raises(grpc.RpcError) as refused:
        spell(client, {"kg": "t"})
    assert details_of(refused.value)[1] == ["stock_feed.unit_spellings[kg]"]


def test_a_count_is_compared_in_the_unit_of_the_lot(client):
    record(client, stock_movement("in-1", "RECEIPT", "100"), stock_movement("in-2", "RECEIPT", "5", lot="L-2"))

    def counted(*lines):
        count = warehouse_pb2.StockCount(method=warehouse_pb2.COUNT_METHOD_PHYSICAL_COUNT)
        count.count_time.GetCurrentTime()
        for lot, unit, quantity in lines:
            count.lines.add(lot=lot, good="copper", unit=unit, quantity=Decimal(value=quantity))
        return warehouse_pb2.RecordInspectionRequest(warehouse="warehouses/W-1", count=count, actor="clerk")

    agreed = client.warehouses.RecordInspection(counted(("L-1", "公斤", "100000"), ("L-2", "MT", "5")))
    assert (agreed.reconciliation.agreed_count, len(agreed.reconciliation.differences)) == (2, 0)
    fields, _ = refused_fields(client.warehouses.RecordInspection, counted(("L-1", "t", "100"), ("L-2", "ton", "5")))
    assert fields == ["count.lines[1].unit"]
    volume = client.warehouses.RecordInspection(counted(("L-1", "t", "100"), ("L-2", "bbl", "5"))).reconciliation
    assert [(one.lot, one.reason) for one in volume.undecided_lots] == [
        ("L-2", warehouse_pb2.UNDECIDED_REASON_UNIT_NOT_CONVERTIBLE)
    ]


def test_a_lot_priced_by_a_series_of_another_good_is_refused(client):
    open_series(client, "gold", "gold", "t")
    client.open_copper()
    wrong = lot_of("copper", "t", price_series="priceSeries/gold")

    fields, message = refused_fields(client.assets.CreateAsset, created(wrong))
    assert fields == ["asset.inventory.price_series"]
    assert "gold" in message
    assert refused_fields(client.valuations.QuoteAsset, valuation_pb2.QuoteAssetRequest(asset=wrong))[0] == fields
    client.assets.CreateAsset(created(lot_of("copper", "t", price_series="priceSeries/copper")))
    for name, value in (("good", "gold"), ("price_series", "priceSeries/gold")):
        changed = asset_pb2.Asset(name="assets/lot-1", inventory=asset_pb2.Inventory(**{name: value}))
        request = asset_pb2.UpdateAssetRequest(asset=changed, update_mask=FieldMask(paths=[f"inventory.{name}"]))
        assert refused_fields(client.assets.UpdateAsset, request)[0] == fields


@pytest.mark.parametrize(("good", "unit", "field"), [("gold", "t", "good"), ("copper", "bbl", "unit")])
def test_a_series_that_does_not_price_the_lots_that_name_it_is_refused(client, good, unit, field):
    client.assets.CreateAsset(created(lot_of("copper", "t", price_series="priceSeries/x")))
    series = price_pb2.PriceSeries(good=good, unit=unit, currency_code="USD")
    request = price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id="x")

    fields, message = refused_fields(client.prices.CreatePriceSeries, request)

    assert fields == [f"price_series.{field}"]
    assert "assets/lot-1" in message


@pytest.mark.parametrize("asset_class", ["inventory.unicorn.horn", "inventory.base_metals", "inventory.", "Inventory"])
def test_a_class_that_the_policy_does_not_state_is_refused_with_the_classes(client, asset_class):
    fields, message = refused_fields(client.assets.CreateAsset, created(lot_of("copper", "t", asset_class)))
    assert fields == ["asset.asset_class"]
    client.assets.CreateAsset(created(copper_lot()))
    changed = asset_pb2.Asset(name="assets/lot-1", asset_class=asset_class)
    request = asset_pb2.UpdateAssetRequest(asset=changed, update_mask=FieldMask(paths=["asset_class"]))
    assert refused_fields(client.assets.UpdateAsset, request)[0] == ["asset.asset_class"]
    if asset_class.startswith("inventory."):
        assert "inventory.base_metal" in message


def test_an_asset_whose_class_a_later_policy_omits_is_flagged_and_can_be_changed(client):
    client.covered_loan()
    client.change_classes("narrower", removed=["inventory.base_metal"])
    changed = asset_pb2.Asset(name="assets/lot-1", display_name="a lot")
    request = asset_pb2.UpdateAssetRequest(asset=changed, update_mask=FieldMask(paths=["display_name"]))
    client.assets.UpdateAsset(request)

    value = client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=["assets/lot-1"])).valuations[0]
    assert common_pb2.QUALITY_FLAG_CLASS_NOT_IN_POLICY in value.quality_flags
