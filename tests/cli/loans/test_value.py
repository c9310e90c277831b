"""A person can recompute a value from the lines that ``collateral value`` prints, by docs/rules.md alone."""

import json
import math
from datetime import date

import pytest
from google.type.decimal_pb2 import Decimal as DecimalMessage
from pyarrow import parquet
from typer.testing import CliRunner

from collateral_registry.cli.main import app
from collateral_registry.v1 import asset_pb2, price_pb2
from tests.support.ip_assets import patent
from tests.support.printed_value import Lines, check_bases, check_steps
from tests.support.server import FIRST_DAY, Client, Server, calendar, connected, copper_lot, money, with_papers


def run(*arguments: str) -> str:
    found = CliRunner().invoke(app, ["value", *arguments])
    assert found.exit_code == 0, found.output
    return found.output


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    server = Server(f"sqlite:///{tmp_path_factory.mktemp('value') / 'book.db'}").start()
    with connected(server) as client:
        fill(client)
        yield server.address
    server.stop()


def fill(client: Client) -> None:
    """Registers a lot in kilograms, a machine, an IP asset, a receivable and a purchase order."""
    client.open_copper()
    client.quote_history()
    rate = price_pb2.FxRate(
        base_currency_code="EUR", quote_currency_code="USD", date=calendar(FIRST_DAY), rate=DecimalMessage(value="1.13")
    )
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=[rate]))
    machine = asset_pb2.Equipment(
        make="Okura", serial_number="1", equipment_class="metalworking_machines", price_new=money("123456.78"),
        build_date=calendar(date(2015, 3, 1)), condition=asset_pb2.CONDITION_FAIR,
        hours=DecimalMessage(value="16400"), hours_date=calendar(date(2021, 11, 30)),
    )  # fmt: skip
    debt = asset_pb2.Receivable(debtor="A", invoice_number="1", face_amount=money("5000"))
    order = asset_pb2.PurchaseOrder(buyer="A", order_number="2", order_amount=money("7000"))
    kinds = {
        "lot": copper_lot("12345", unit="kg"),
        "press": asset_pb2.Asset(asset_class="equipment", equipment=machine),
        "patent": asset_pb2.Asset(asset_class="ip.patent", intellectual_property=patent()),
        "invoice": asset_pb2.Asset(asset_class="receivable", receivable=debt),
        "order": asset_pb2.Asset(asset_class="order", purchase_order=order),
    }
    for asset_id, asset in kinds.items():
        asset.owner, asset.currency_code = "Acme", "CNY" if asset_id == "patent" else "USD"
        with_papers(asset)
        client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=asset_id))


def test_a_lot_is_recomputed_from_its_quantity_price_and_rate(address):
    lines = Lines(run("lot", "--currency", "EUR", "--server", address))

    assert (lines.units["price"], lines.units["fx rate"], lines.units["quoted rate"]) == ("USD/t", "EUR/USD", "USD/EUR")
    assert lines.values["quantity"] / 1000 == lines.values["quantity in price unit"]
    assert math.isclose(1 / lines.number("quoted rate"), lines.number("fx rate"), rel_tol=1e-12)
    market = lines.number("quantity in price unit") * lines.number("price") * lines.number("fx rate")
    assert abs(market - float(lines.amounts["market value"])) <= 0.01
    assert lines.dates["price"] == "2021-12-31"
    check_steps(lines)


def test_a_machine_is_recomputed_from_its_age_rate_and_factors(address):
    lines = Lines(run("press", "--server", address))

    age = (FIRST_DAY - date(2015, 3, 1)).days / 365.25
    assert math.isclose(age, lines.number("age years"), rel_tol=1e-9)
    assert math.isclose((1 - lines.number("annual rate")) ** age, lines.number("age factor"), rel_tol=1e-9)
    expected = lines.number("expected hours") * lines.number("age at reading")
    hours = (expected / lines.number("hours")) ** lines.number("hours elasticity")
    assert math.isclose(min(max(hours, 0.5), 1.2), lines.number("hours factor"), rel_tol=1e-9)
    factors = lines.number("age factor") * lines.number("condition factor") * lines.number("hours factor")
    share = min(max(factors, lines.number("scrap share")), 1.0)
    assert math.isclose(share, lines.number("depreciated share"), rel_tol=1e-9)
    assert abs(lines.number("price new") * share - float(lines.amounts["market value"])) <= 0.01
    check_steps(lines)
    check_bases(lines)


def test_an_ip_asset_is_recomputed_from_its_royalties(address):
    lines = Lines(run("patent", "--server", address))

    life, rate = lines.number("remaining life"), lines.number("discount rate")
    saved = lines.number("next year revenue") * lines.number("royalty rate") * (1 - lines.number("tax rate"))
    value = sum(
        saved
        * (1 + lines.number("growth")) ** (year - 1)
        * lines.number("annual survival") ** year
        / (1 + rate) ** (year - 0.5)
        * min(1.0, life - (year - 1))
        for year in range(1, math.ceil(life) + 1)
    )
    assert lines.number("amortisation years") == 0
    assert abs(value * lines.number("owned share") - float(lines.amounts["market value"])) <= 0.01
    check_steps(lines)


@pytest.mark.parametrize("asset", ["lot", "press", "patent", "invoice"])
def test_the_inputs_of_a_value_are_the_same_in_every_format(address, asset, tmp_path):
    path = tmp_path / "value.parquet"
    place = ("--currency", "EUR", "--server", address)
    run(asset, *place, "--format", "parquet", "--output", str(path))
    printed = json.loads(run(asset, *place, "--format", "json"))

    assert parquet.read_table(path)["value"].to_pylist() == [line["value"] for line in printed]


def test_an_asset_without_a_model_states_why_it_is_unknown(address):
    lines = Lines(run("order", "--server", address))

    assert "UNKNOWN because NO_MODEL" in lines.title
    assert "order amount" in lines.values
    assert lines.amounts == {}


def test_a_past_moment_shows_the_valuation_recorded_last_by_then(address):
    found = run("press", "--as-of", FIRST_DAY.isoformat(), "--server", address)
    missing = CliRunner().invoke(app, ["value", "press", "--as-of", "2020-01-01", "--server", address])

    assert "recorded by commit" in found
    assert missing.exit_code == 2
    assert "want a moment with a recorded valuation of assets/press" in missing.output
