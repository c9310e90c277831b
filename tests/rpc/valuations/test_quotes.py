"""A quote needs only what a value needs, and refuses what registration refuses."""

import itertools
from datetime import date, timedelta

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.rpc.assets.messages import PAPERS_OF_OWNERSHIP
from collateral_registry.v1 import (
    asset_pb2 as pb,
    equipment_pb2,
    equipment_pb2_grpc,
    ip_pb2,
    ip_pb2_grpc,
    valuation_pb2,
)
from tests.support.server import FIRST_DAY, Client, calendar, copper_lot, details_of, money, with_papers

NUMBERS = itertools.count()
TOMORROW = calendar(FIRST_DAY + timedelta(days=1))


def machine() -> pb.Asset:
    equipment = pb.Equipment(
        make="Okura",
        model="QT",
        serial_number="7",
        equipment_class="metalworking_machines",
        price_new=money("90000"),
        build_date=calendar(date(2018, 3, 1)),
        hours=Decimal(value="9000"),
    )
    asset = pb.Asset(owner="Acme", asset_class="equipment.commodity_machine", currency_code="USD", equipment=equipment)
    return with_papers(asset)


def patent() -> pb.Asset:
    right = pb.IntellectualProperty(
        kind=pb.RIGHT_KIND_PATENT,
        office="EP",
        number="EP1",
        filing_date=calendar(date(2015, 1, 1)),
        legal_status=pb.LEGAL_STATUS_IN_FORCE,
        next_year_revenue=money("1000000"),
        royalty_rate=Decimal(value="0.05"),
        tax_rate=Decimal(value="0.25"),
        discount_rate=Decimal(value="0.15"),
        technology_life_years=Decimal(value="6"),
    )
    return pb.Asset(owner="Acme", asset_class="ip.patent", currency_code="USD", intellectual_property=right)


def receivable() -> pb.Asset:
    paper = pb.Receivable(debtor="Beta", invoice_number="1", face_amount=money("5000"))
    return pb.Asset(owner="Acme", asset_class="receivable.trade", currency_code="USD", receivable=paper)


def order() -> pb.Asset:
    paper = pb.PurchaseOrder(buyer="Beta", order_number="1", order_amount=money("5000"))
    return pb.Asset(owner="Acme", asset_class="order.confirmed", currency_code="USD", purchase_order=paper)


ASSETS = {
    "inventory": copper_lot,
    "equipment": machine,
    "intellectual_property": patent,
    "receivable": receivable,
    "purchase_order": order,
}
"""A function that returns an asset of each kind."""


@pytest.fixture(scope="module")
def priced(shared_client: Client) -> Client:
    shared_client.open_copper()
    shared_client.quote_history()
    return shared_client


def quoted(client: Client, asset: pb.Asset) -> valuation_pb2.Valuation:
    return client.valuations.QuoteAsset(valuation_pb2.QuoteAssetRequest(asset=asset))


def without_papers(asset: pb.Asset, kind: str) -> pb.Asset:
    """Returns the asset without its owner and without the fields that say which thing it is."""
    bare = pb.Asset()
    bare.CopyFrom(asset)
    bare.owner = ""
    for name in PAPERS_OF_OWNERSHIP[kind]:
        getattr(bare, kind).ClearField(name)
    return bare


def nameless(valuation: valuation_pb2.Valuation) -> valuation_pb2.Valuation:
    """Returns the valuation without names of the asset."""
    valuation.asset = ""
    for one in valuation.inputs:
        one.source = "" if one.source.startswith("assets/") else one.source
    return valuation


@pytest.mark.parametrize("kind", ASSETS)
def test_a_quote_without_papers_of_ownership_is_the_value_of_the_registered_asset(priced, kind):
    asset = ASSETS[kind]()
    priced.assets.CreateAsset(pb.CreateAssetRequest(asset=asset, asset_id=kind.replace("_", "-")))
    names = [f"assets/{kind.replace('_', '-')}"]
    valued = priced.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=names)).valuations[0]

    assert quoted(priced, without_papers(asset, kind)) == nameless(valued)


def violations(call, message: Message) -> tuple[object, ...]:
    """Returns the status of a refusal with the fields it names; nothing if the call succeeds."""
    try:
        call(message)
    except grpc.RpcError as error:
        return error.code(), error.details(), details_of(error)[1]
    return ()


def creates(client: Client, asset: pb.Asset) -> tuple[object, ...]:
    """Returns how the registration of an asset under a new id is refused, if it is; registers nothing."""
    request = pb.CreateAssetRequest(asset=asset, asset_id=f"new-{next(NUMBERS)}", validate_only=True)
    return violations(client.assets.CreateAsset, request)


def quotes(client: Client, asset: pb.Asset) -> tuple[object, ...]:
    return violations(client.valuations.QuoteAsset, valuation_pb2.QuoteAssetRequest(asset=asset))


WRONG = {
    Date.DESCRIPTOR.full_name: (TOMORROW, Date(year=2021, month=13, day=45), Date(year=21, month=1, day=1)),
    Decimal.DESCRIPTOR.full_name: (Decimal(value="-5"), Decimal(value="ten"), Decimal(value="1e30")),
    Money.DESCRIPTOR.full_name: (money("5", "EUR"), money("0"), Money(currency_code="XXQ", units=-5)),
}
"""Values that at least one field of their type refuses."""

WRONG_SCALARS = {
    FieldDescriptor.TYPE_STRING: ("", "?\x01", "x" * 201, "2.01511E+11", "priceSeries/none"),
    FieldDescriptor.TYPE_ENUM: (5, 99),
    FieldDescriptor.TYPE_BOOL: (True,),
    FieldDescriptor.TYPE_INT32: (-1, 1_000),
}


def variations(message: Message, prefix: str = "") -> list[tuple[str, object]]:
    """Returns paths of fields, each with a value to try."""
    found: list[tuple[str, object]] = []
    for field in message.DESCRIPTOR.fields:
        path = f"{prefix}{field.name}"
        if field.is_repeated or field.name in {"name", "etag", "resulting_covers"}:
            continue
        if field.message_type is None:
            found += [(path, value) for value in WRONG_SCALARS[field.type]]
        elif field.message_type.full_name in WRONG:
            found += [(path, value) for value in WRONG[field.message_type.full_name]]
        elif message.HasField(field.name):
            found += variations(getattr(message, field.name), f"{path}.")
    return found


def with_value(asset: pb.Asset, path: str, value: object) -> pb.Asset:
    varied = pb.Asset()
    varied.CopyFrom(asset)
    *parents, name = path.split(".")
    part: Message = varied
    for parent in parents:
        part = getattr(part, parent)
    if isinstance(value, Message):
        getattr(part, name).CopyFrom(value)
    else:
        setattr(part, name, value)
    return varied


@pytest.mark.parametrize("kind", ASSETS)
def test_a_quote_refuses_every_value_of_a_field_that_registration_refuses(priced, kind):
    asset = ASSETS[kind]()
    setattr(getattr(asset, kind), PAPERS_OF_OWNERSHIP[kind][-1], "not registered yet")
    papers = {"owner", *(f"{kind}.{name}" for name in PAPERS_OF_OWNERSHIP[kind])}
    refused = 0
    for path, value in variations(asset):
        varied = with_value(asset, path, value)
        wanted = () if path in papers and value == "" else creates(priced, varied)
        refused += bool(wanted)
        assert quotes(priced, varied) == wanted, (path, value)
    assert refused > 20
    assert creates(priced, asset) == ()


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("inventory", "inventory.unit", "glug"),
        ("inventory", "inventory.unit", "m3"),  # does not convert to the unit of the price series
        ("inventory", "inventory.good", "zinc"),
        ("inventory", "asset_class", "inventory.none"),
        ("inventory", "asset_class", "equipment"),
        ("inventory", "status", pb.ASSET_STATUS_RETIRED),
        ("equipment", "equipment.hours", Decimal(value="90000")),  # more than 24 a day
        ("equipment", "equipment.build_date", TOMORROW),
        ("intellectual_property", "intellectual_property.filing_date", TOMORROW),
    ],
)
def test_what_contradicts_the_book_is_refused_by_both(priced, kind, path, value):
    asset = with_value(ASSETS[kind](), f"{kind}.{PAPERS_OF_OWNERSHIP[kind][-1]}", "not registered yet")
    if path == "inventory.good":
        asset.inventory.price_series = "priceSeries/copper"
    varied = with_value(asset, path, value)

    assert quotes(priced, varied) == creates(priced, varied) != ()


def test_a_machine_quoted_by_a_model_is_checked_like_a_registered_one(priced):
    stub = equipment_pb2_grpc.EquipmentServiceStub(priced.channel)
    late, worn = machine().equipment, machine().equipment
    late.build_date.CopyFrom(TOMORROW)
    worn.hours.value = "90000"

    def fields(*machines: pb.Equipment) -> list[str]:
        request = equipment_pb2.QuoteEquipmentRequest(equipment_model="equipmentModels/none", machines=machines)
        return violations(stub.QuoteEquipment, request)[2]

    assert fields(late, machine().equipment, worn) == ["machines[0].build_date", "machines[2].hours"]
    assert fields(without_papers(machine(), "equipment").equipment) == []


def test_a_right_is_quoted_without_its_number_and_checked_like_a_registered_one(priced):
    stub = ip_pb2_grpc.IpServiceStub(priced.channel)
    right = without_papers(patent(), "intellectual_property").intellectual_property

    assert violations(stub.QuoteRight, ip_pb2.QuoteRightRequest(right=right)) == ()
    right.filing_date.CopyFrom(TOMORROW)
    assert violations(stub.QuoteRight, ip_pb2.QuoteRightRequest(right=right))[2] == ["right.filing_date"]
