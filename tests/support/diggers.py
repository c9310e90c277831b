"""Excavators of the kind that the invented sales of machines are about."""

from datetime import date

from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import asset_pb2
from tests.support.server import Client, calendar, with_papers

CLASS = "equipment.commodity_machine"


def digger(serial: str = "S-1", **attributes: str) -> asset_pb2.Asset:
    """An excavator of a frequently sold model."""
    words = {"kind": "digger", "size_class": "digger - 300 to 350 kg", "family": "M300", "cab": "cab"} | attributes
    machine = asset_pb2.Equipment(
        make="Invented", model="M300B", serial_number=serial, build_date=calendar(date(2002, 6, 1)),
        price_new=Money(currency_code="USD", units=90_000), equipment_class="construction_machinery",
        hours=Decimal(value="4000"), condition=asset_pb2.CONDITION_GOOD, location="state 1", attributes=words,
    )  # fmt: skip
    asset = asset_pb2.Asset(owner="Invented Firm", asset_class=CLASS, currency_code="USD", equipment=machine)
    return with_papers(asset, inspected=date(2021, 6, 30))


def register(client: Client, asset_id: str) -> None:
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=digger(asset_id), asset_id=asset_id))
