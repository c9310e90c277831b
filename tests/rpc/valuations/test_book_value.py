"""The book value of a machine is returned with its market value and has no influence on it."""

from __future__ import annotations

from datetime import date, timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from google.type.decimal_pb2 import Decimal

from collateral_registry.cli.common.file_schemas import SCHEMAS
from collateral_registry.cli.common.options import Format as TableFormat, Layout
from collateral_registry.cli.importing.messages import asset_request
from collateral_registry.cli.loans.value import show_value
from collateral_registry.v1 import asset_pb2, price_pb2, valuation_pb2
from tests.support.server import FIRST_DAY, Client, calendar, money, with_papers
from valuation.tables.reader import read_source
from valuation.tables.source import Format, Source

BOUGHT = date(2017, 12, 31)
"""Four years of 365.25 days before the first day."""

FILE = (
    "asset_id,kind,class,owner,currency,make,serial_number,equipment_class,price_new,built,condition,"
    "units_produced,units_lifetime,acquisition_cost,acquisition_date,book_schedule\n"
    "press,EQUIPMENT,equipment,A,USD,Okura,1,metalworking_machines,100000,2017-01-01,GOOD,"
    "30000,120000,80000.00,2017-12-31,\n"
    "lathe,EQUIPMENT,equipment,A,USD,Okura,2,metalworking_machines,100000,2017-01-01,GOOD,"
    "30000,120000,80000.00,2017-12-31,UNITS_OF_PRODUCTION\n"
    "drill,EQUIPMENT,equipment,A,USD,Okura,3,metalworking_machines,100000,2017-01-01,GOOD,,,,,\n"
)


def machine(serial: str, **fields: object) -> asset_pb2.Asset:
    detail = asset_pb2.Equipment(
        make="Okura", serial_number=serial, equipment_class="metalworking_machines", price_new=money("100000"),
        build_date=calendar(date(2017, 1, 1)), condition=asset_pb2.CONDITION_GOOD, **fields,
    )  # fmt: skip
    return with_papers(asset_pb2.Asset(owner="A", asset_class="equipment", currency_code="USD", equipment=detail))


def bought(serial: str, **fields: object) -> asset_pb2.Asset:
    """A machine that was bought for 80,000 four years ago."""
    return machine(serial, acquisition_cost=money("80000"), acquisition_date=calendar(BOUGHT), **fields)


def quote(client: Client, asset: asset_pb2.Asset, currency: str = "") -> valuation_pb2.Valuation:
    return client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset, currency_code=currency))


def register(client: Client, asset: asset_pb2.Asset, asset_id: str) -> asset_pb2.Asset:
    return client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=asset_id))


def test_a_straight_line_to_a_tenth_over_sixteen_years_leaves_62000_of_80000_after_four(shared_client):
    assert quote(shared_client, bought("1")).book_value == money("62000")


def test_the_book_value_changes_neither_market_nor_lendable_value(shared_client):
    plain, kept = quote(shared_client, machine("1")), quote(shared_client, bought("1"))
    assert not plain.HasField("book_value")
    for field in ("market_value", "lendable_value", "equipment_bases"):
        assert getattr(plain, field) == getattr(kept, field)
    assert list(plain.haircut_steps) == list(kept.haircut_steps)
    assert plain.market_value.units > 0


def test_cost_day_and_schedule_are_among_the_inputs(shared_client):
    inputs = {one.input: one for one in quote(shared_client, bought("1")).inputs}
    cost, day = inputs["acquisition_cost"], inputs["acquisition_date"]
    assert (cost.value.value, cost.unit, day.unit, day.date) == ("80000.00", "USD", "straight_line", calendar(BOUGHT))


def test_the_book_value_is_returned_even_if_the_market_value_is_unknown(shared_client):
    asset = bought("1")
    asset.equipment.ClearField("build_date")
    found = quote(shared_client, asset)
    assert found.state == valuation_pb2.VALUATION_STATE_UNKNOWN
    assert found.book_value == money("62000")


def test_a_lot_has_no_book_value(client):
    client.open_copper()
    client.quote_history()
    client.register_lot()
    assert not client.recorded_valuations("lot-1")[0].HasField("book_value")


def test_the_book_value_is_in_the_currency_of_the_cost(client):
    days = [FIRST_DAY - timedelta(days=back) for back in range(200)]
    rates = [
        price_pb2.FxRate(
            base_currency_code="EUR", quote_currency_code="USD", date=calendar(day), rate=Decimal(value=f"1.2{n % 3}")
        )
        for n, day in enumerate(days)
    ]
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=rates))

    found = quote(client, bought("1"), "EUR")

    assert (found.book_value, found.market_value.currency_code) == (money("62000"), "EUR")


def test_a_recorded_valuation_has_the_book_value_of_its_day_and_asset(client):
    register(client, bought("1"), "press")
    client.advance(date(2022, 12, 31))
    sold_on = asset_pb2.Asset(name="assets/press", equipment=asset_pb2.Equipment(acquisition_cost=money("40000")))
    mask = FieldMask(paths=["equipment.acquisition_cost"])
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=sold_on, update_mask=mask))

    after, *_, before = client.recorded_valuations("press")

    assert before.book_value == money("62000")
    assert after.book_value == money(f"{40_000 * (1 - 0.9 * 1826 / 365.25 / 16):.2f}")


def test_imported_costs_are_returned_with_the_asset(client, capsys):
    for row in read_source(Source("assets.csv", FILE.encode(), Format.TEXT), SCHEMAS["assets"]).rows():
        client.assets.CreateAsset(asset_request(row.values))
    kept = {
        name: client.assets.GetAsset(asset_pb2.GetAssetRequest(name=f"assets/{name}")).equipment
        for name in ("press", "lathe", "drill")
    }

    assert (kept["press"].acquisition_cost, kept["press"].acquisition_date) == (money("80000"), calendar(BOUGHT))
    assert kept["press"].book_schedule == asset_pb2.DEPRECIATION_SCHEDULE_STRAIGHT_LINE
    assert kept["lathe"].book_schedule == asset_pb2.DEPRECIATION_SCHEDULE_UNITS_OF_PRODUCTION
    assert (kept["lathe"].units_produced.value, kept["lathe"].units_lifetime.value) == ("30000", "120000")
    assert not kept["drill"].HasField("acquisition_cost")
    layout = Layout(TableFormat.CSV, None, wide=False)
    show_value(client.channel, "lathe", "", "", layout)
    assert "book value,,,62000.00,USD" in capsys.readouterr().out
    show_value(client.channel, "drill", "", "", layout)
    assert "book value" not in capsys.readouterr().out
