"""A small book on a real server: copper in dollars, a yen loan, a breach, and an asset without a value."""

from datetime import timedelta

import pytest

from collateral_registry.notebook import connect
from collateral_registry.v1 import asset_pb2, loan_pb2, price_pb2
from tests.support.server import FIRST_DAY, Server, calendar, connected, copper_lot, money

NEXT_DAY = FIRST_DAY + timedelta(days=3)
"""The business day after the first one, on which the price has fallen."""


def fill(client):
    """Fills the book, corrects a price, and lets the price of copper fall so far that the dollar loan is in breach."""
    client.covered_loan()
    rate = price_pb2.FxRate(base_currency_code="USD", quote_currency_code="JPY", date=calendar(FIRST_DAY))
    rate.rate.value = "115.1"
    client.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=[rate]))
    unpriced = copper_lot(lot="L-2")
    unpriced.inventory.good = "zinc"
    client.assets.CreateAsset(asset_pb2.CreateAssetRequest(asset=unpriced, asset_id="lot-2"))
    client.register_loan("loan-2", "JPY")
    pledge = loan_pb2.Pledge(asset="assets/lot-2", registry="registry", registration_number="2")
    request = loan_pb2.PledgeAssetRequest(parent="loans/loan-2", pledge=pledge, pledge_id="p-1")
    client.loans.PledgeAsset(request)
    owed = loan_pb2.BalanceUpdate(
        loan="loans/loan-2", principal=money("5000000", "JPY"), balance_date=calendar(FIRST_DAY)
    )
    client.loans.UpdateBalances(loan_pb2.UpdateBalancesRequest(balances=[owed]))
    client.register_lot("lot-nordkupfer-1")  # the lot of the sample that the notebook shows
    client.quote("10001", FIRST_DAY)
    client.advance(NEXT_DAY)
    client.quote("7000.125", NEXT_DAY)


@pytest.fixture(scope="package")
def running(tmp_path_factory):
    """A server on the book."""
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('notebook') / 'book.db'}").start()
    with connected(running) as client:
        fill(client)
    yield running
    running.stop()


@pytest.fixture(scope="package")
def book(running):
    """The book of the server, which the tests leave unchanged."""
    with connect(running.address) as book:
        yield book
