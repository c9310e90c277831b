"""Registers a copper lot, lends on it, and receives the breach event when the price falls."""

import csv
import os
from datetime import date
from importlib.resources import files

import grpc
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from collateral_registry.v1 import asset_pb2, asset_pb2_grpc, breach_pb2, breach_pb2_grpc, business_date_pb2
from collateral_registry.v1 import business_date_pb2_grpc, loan_pb2, loan_pb2_grpc, price_pb2, price_pb2_grpc

channel = grpc.insecure_channel(os.environ.get("COLLATERAL_SERVER", "127.0.0.1:50052"))
assets = asset_pb2_grpc.AssetServiceStub(channel)
prices = price_pb2_grpc.PriceServiceStub(channel)
loans = loan_pb2_grpc.LoanServiceStub(channel)
days = business_date_pb2_grpc.BusinessDateServiceStub(channel)


def on(day):
    return Date(year=day.year, month=day.month, day=day.day)


def quote(row):
    return price_pb2.PriceObservation(
        price_series="priceSeries/copper", date=on(date.fromisoformat(row["date"])), price=Decimal(value=row["price"])
    )


lines = files("collateral_registry.sample").joinpath("prices.csv").read_text().splitlines()
rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
copper = [row for row in rows if row["series"] == "copper"]
before = [row for row in copper if row["date"] <= "2022-06-01"][-500:]
after = [row for row in copper if "2022-06-01" < row["date"] <= "2022-07-20"]

series = price_pb2.PriceSeries(good="copper", unit="t", currency_code="USD", market="spot", max_age_days=10)
prices.CreatePriceSeries(price_pb2.CreatePriceSeriesRequest(price_series=series, price_series_id="copper"))
prices.IngestPrices(price_pb2.IngestPricesRequest(observations=[quote(row) for row in before]))

lot = asset_pb2.Inventory(good="copper", quantity=Decimal(value="100"), unit="t", warehouse="Rotterdam 3", lot="A-17")
asset = asset_pb2.Asset(owner="Acme Metals", asset_class="inventory.base_metal", currency_code="USD", inventory=lot)
asset.insurance_expire_date.CopyFrom(on(date(2023, 6, 30)))
asset.last_inspection_date.CopyFrom(on(date(2022, 5, 20)))
assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=asset, asset_id="lot-a17"))

today = on(date(2022, 6, 1))
loan = loan_pb2.Loan(borrower="Acme Metals", currency_code="USD", balance_date=today)
loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id="loan-1"))
pledge = loan_pb2.Pledge(asset="assets/lot-a17", registry="national notice registry", registration_number="2022-1")
loans.PledgeAsset(loan_pb2.PledgeAssetRequest(parent="loans/loan-1", pledge=pledge, pledge_id="p-1"))
drawn = loan_pb2.BalanceUpdate(
    loan="loans/loan-1", principal=Money(currency_code="USD", units=650_000), balance_date=today
)
loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[drawn]))

events = breach_pb2_grpc.BreachServiceStub(channel).WatchBreaches(breach_pb2.WatchBreachesRequest())
for row in after:
    day = on(date.fromisoformat(row["date"]))
    days.AdvanceBusinessDate(business_date_pb2.AdvanceBusinessDateRequest(date=day))
    prices.IngestPrices(price_pb2.IngestPricesRequest(observations=[quote(row)]))

opened = next(
    event for answer in events for event in answer.events if event.kind == breach_pb2.BREACH_EVENT_KIND_OPENED
)
day = opened.market_date
print(f"{opened.breach} opened on {date(day.year, day.month, day.day)} at LTV {opened.ltv.value}")
print(f"cash cure: {opened.cash_cure.units} {opened.cash_cure.currency_code}")
