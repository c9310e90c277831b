"""Every limit is enforced, and its error has the field and the bound."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from collateral_registry.v1 import (
    asset_pb2,
    breach_pb2,
    business_date_pb2,
    loan_pb2,
    price_pb2,
    report_pb2,
    valuation_pb2,
)
from tests.support.server import FIRST_DAY, Server, calendar, connected, copper_lot, details_of, observation


@pytest.mark.parametrize(
    ("service", "call", "message", "field"),
    [
        (
            "prices",
            "IngestPrices",
            price_pb2.IngestPricesRequest(observations=[observation("copper", FIRST_DAY, "1")] * 10_001),
            "observations",
        ),
        ("prices", "IngestPrices", price_pb2.IngestPricesRequest(), "observations"),
        ("prices", "IngestFxRates", price_pb2.IngestFxRatesRequest(rates=[price_pb2.FxRate()] * 10_001), "rates"),
        (
            "loans",
            "UpdateBalances",
            loan_pb2.UpdateBalancesRequest(balances=[loan_pb2.BalanceUpdate()] * 10_001),
            "balances",
        ),
        ("valuations", "ValueAssets", valuation_pb2.ValueAssetsRequest(names=["assets/a"] * 1_001), "names"),
        ("valuations", "ValueAssets", valuation_pb2.ValueAssetsRequest(), "names"),
        (
            "valuations",
            "QuotePool",
            valuation_pb2.QuotePoolRequest(assets=[valuation_pb2.PooledAsset(name="assets/a")] * 201),
            "assets",
        ),
        ("valuations", "QuotePool", valuation_pb2.QuotePoolRequest(), "assets"),
        ("valuations", "Revalue", valuation_pb2.RevalueRequest(names=["assets/a"] * 10_001), "names"),
        ("assets", "ListAssets", asset_pb2.ListAssetsRequest(page_size=-1), "page_size"),
        ("reports", "GenerateLtvReport", report_pb2.GenerateLtvReportRequest(order_by="colour"), "order_by"),
        ("reports", "GenerateLtvReport", report_pb2.GenerateLtvReportRequest(filter="colour = red"), "filter"),
        ("assets", "GetAsset", asset_pb2.GetAssetRequest(name="loans/a"), "name"),
        ("assets", "BatchGetAssets", asset_pb2.BatchGetAssetsRequest(names=["assets/a"] * 1_001), "names"),
        ("assets", "BatchGetAssets", asset_pb2.BatchGetAssetsRequest(), "names"),
        (
            "assets",
            "BatchCreateAssets",
            asset_pb2.BatchCreateAssetsRequest(requests=[asset_pb2.CreateAssetRequest()] * 201),
            "requests",
        ),
        ("assets", "BatchCreateAssets", asset_pb2.BatchCreateAssetsRequest(), "requests"),
        (
            "assets",
            "CreateAsset",
            asset_pb2.CreateAssetRequest(asset=copper_lot(), asset_id="a", request_id="r" * 201),
            "request_id",
        ),
    ],
)
def test_a_message_beyond_its_limit_is_refused(shared_client, service, call, message, field):
    with pytest.raises(grpc.RpcError) as refused:
        getattr(getattr(shared_client, service), call)(message)

    assert details_of(refused.value)[1] == [field]


def test_a_page_is_never_longer_than_a_thousand(client):
    client.open_copper()
    client.quote_history(days=1_200)
    listed = client.prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=5_000))
    rest = client.prices.ListPrices(
        price_pb2.ListPricesRequest(parent="priceSeries/copper", page_size=5_000, page_token=listed.next_page_token)
    )

    assert len(listed.prices) == 1_000
    assert len(rest.prices) == 200
    assert rest.next_page_token == ""


def test_a_watch_from_a_future_sequence_is_refused(shared_client):
    stream = shared_client.breaches.WatchBreaches(breach_pb2.WatchBreachesRequest(after_sequence=10**6))
    with pytest.raises(grpc.RpcError) as refused:
        next(stream)

    assert details_of(refused.value)[1] == ["after_sequence"]


@pytest.mark.slow
def test_a_book_that_follows_the_clock_is_at_today_and_cannot_be_advanced_by_request(tmp_path):
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", business_date="wall").start()
    with connected(server) as client:
        state = client.dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest())
        with pytest.raises(grpc.RpcError) as refused:
            client.advance(datetime.now(UTC).date() + timedelta(days=1))
    server.stop()

    assert state.follows_clock
    assert state.date == calendar(datetime.now(UTC).date())
    assert details_of(refused.value)[0].reason == "FOLLOWS_CLOCK"


def test_a_report_as_known_at_a_time_contains_nothing_later(client):
    client.covered_loan()
    moment = Timestamp()
    moment.GetCurrentTime()
    client.owe("900000")

    then = client.reports.GenerateLtvReport(
        report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(known_time=moment))
    )
    now = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())

    assert then.rows[0].cover.exposure.units == 500_000
    assert now.rows[0].cover.exposure.units == 900_000


def test_reports_are_sorted_filtered_and_paged_at_the_moment_of_their_first_page(client):
    client.covered_loan()
    for number in range(2, 6):
        client.register_lot(f"lot-{number}")
        client.register_loan(f"loan-{number}")
        client.pledge(f"loan-{number}", f"lot-{number}")
        client.owe(f"{number}00000", f"loan-{number}")
    first = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(page_size=2))
    client.owe("1", "loan-4")
    second = client.reports.GenerateLtvReport(
        report_pb2.GenerateLtvReportRequest(page_size=10, page_token=first.next_page_token)
    )
    called = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(filter="borrower = Unknown"))

    rows = [*first.rows, *second.rows]
    ratios = [float(row.cover.ltv.value) for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    assert {row.loan for row in rows} == {f"loans/loan-{number}" for number in range(1, 6)}
    assert second.sequence == first.sequence
    assert first.totals[0].loan_count == 5
    assert list(called.rows) == []


def test_concentrations_sum_to_the_totals(client):
    client.covered_loan()
    report = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest())
    by_good = [one for one in report.concentrations if one.dimension == report_pb2.CONCENTRATION_DIMENSION_GOOD]

    assert [(one.key, one.share.value) for one in by_good] == [("copper", "1")]
    assert by_good[0].lendable_value == report.totals[0].lendable_value
