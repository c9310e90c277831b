"""IP assets and the calls that their tests share."""

from __future__ import annotations

from datetime import date

from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import (
    asset_pb2,
    ip_pb2,
    ip_pb2_grpc,
    valuation_pb2,
)
from tests.support.server import FIRST_DAY, Client, calendar
from valuation.ip.score import indicators

SCORES = {indicator.name: 70.0 for indicator in indicators()}
DOUBT = ip_pb2.RightDoubt(
    revenue_log_sd=Decimal(value="0.3"), royalty_low=Decimal(value="0.03"), royalty_high=Decimal(value="0.07"),
    life_low_share=Decimal(value="0.5"), discount_low=Decimal(value="0.12"), discount_high=Decimal(value="0.20"),
)  # fmt: skip


def service(client: Client) -> ip_pb2_grpc.IpServiceStub:
    return ip_pb2_grpc.IpServiceStub(client.channel)


def patent(number: str = "1", office: str = "CN") -> asset_pb2.IntellectualProperty:
    return asset_pb2.IntellectualProperty(
        kind=asset_pb2.RIGHT_KIND_PATENT, office=office, number=number, filing_date=calendar(date(2014, 3, 31)),
        grant_date=calendar(date(2016, 5, 1)), legal_status=asset_pb2.LEGAL_STATUS_IN_FORCE,
        next_year_revenue=Money(currency_code="CNY", units=10_000_000), growth=Decimal(value="0.05"),
        royalty_rate=Decimal(value="0.05"), tax_rate=Decimal(value="0.25"), discount_rate=Decimal(value="0.15"),
        technology_life_years=Decimal(value="5"),
    )  # fmt: skip


def register(client: Client, asset_id: str, office: str = "CN", life: str = "5") -> str:
    right = patent(asset_id, office)
    right.technology_life_years.value = life
    asset = asset_pb2.Asset(
        owner="Invented Firm",
        asset_class="ip.patent",
        currency_code="CNY",
        intellectual_property=right,
    )
    return str(client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id=asset_id)).name)


def record(client: Client, name: str, kind: int, day: date = FIRST_DAY, share: str = "") -> ip_pb2.RightEvent:
    event = ip_pb2.RightEvent(kind=kind, date=calendar(day), owned_share=Decimal(value=share) if share else None)
    return service(client).RecordRightEvent(ip_pb2.RecordRightEventRequest(parent=name, right_event=event))


def valued(client: Client, name: str) -> valuation_pb2.Valuation:
    return client.valuations.ValueAssets(valuation_pb2.ValueAssetsRequest(names=[name])).valuations[0]
