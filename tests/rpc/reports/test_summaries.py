"""Facets, orders, reporting currency and concentration over gRPC, now and as of past moments."""

from typing import cast

import grpc
import pytest

from collateral_registry.v1 import common_pb2, concentration_pb2, facets_pb2, price_pb2, report_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of, money

EXPOSURE = concentration_pb2.CONCENTRATION_MEASURE_EXPOSURE
NO_DIMENSION = cast("report_pb2.ConcentrationDimension.ValueType", 9)


@pytest.fixture(scope="module")
def book(shared_client: Client) -> Client:
    """Six loans in two currencies, of which tests may change the balances."""
    client = shared_client
    client.covered_loan()
    for number in range(2, 7):
        client.register_loan(f"loan-{number}", currency="EUR" if number == 6 else "USD")
        if number < 6:
            client.register_lot(f"lot-{number}")
            client.pledge(f"loan-{number}", f"lot-{number}")
            client.owe(f"{number}00000", f"loan-{number}")
    return client


def report(client: Client, **fields) -> report_pb2.GenerateLtvReportResponse:
    return client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(**fields))


def concentration(client: Client, **fields) -> concentration_pb2.GenerateConcentrationReportResponse:
    request = concentration_pb2.GenerateConcentrationReportRequest(**fields)
    return client.concentrations.GenerateConcentrationReport(request)


def test_pages_neither_skip_nor_repeat_a_loan_while_the_book_changes(book):
    for order_by in ("exposure", "ltv desc", "price_fall_to_margin_call"):
        page = report(book, order_by=order_by, page_size=2)
        whole = report(book, order_by=order_by, as_of=report_pb2.AsOf(sequence=page.sequence))
        loans = [row.loan for row in page.rows]
        while page.next_page_token:
            book.owe(f"{len(loans)}50000", "loan-3")
            page = report(book, order_by=order_by, page_size=2, page_token=page.next_page_token)
            loans += [row.loan for row in page.rows]

        assert loans == [row.loan for row in whole.rows]
        assert len(set(loans)) == 6


def test_a_facet_of_a_past_moment_is_unchanged_by_later_commits(book):
    request = facets_pb2.GetLoanFacetsRequest(filter="level = NONE", fields=["level", "good"])
    before = book.facets.GetLoanFacets(request)
    book.owe("999999999", "loan-2")
    request.as_of.sequence = before.sequence

    assert book.facets.GetLoanFacets(request) == before
    assert [facet.field for facet in before.facets] == ["level", "good"]


def test_the_total_in_a_currency_without_a_rate_is_unknown_and_names_the_currency(book):
    book.owe("1000", "loan-6", currency="EUR")
    found = report(book, reporting_currency_code="USD").reporting_total
    rates = {rate.currency_code: rate for rate in found.rates}

    assert found.coverage == common_pb2.COVERAGE_UNKNOWN
    assert not found.HasField("exposure")
    assert rates["EUR"].problem == report_pb2.RATE_PROBLEM_NO_RATE
    assert not any(one.rows for one in concentration(book).distributions if one.measure == EXPOSURE)


def test_a_rate_that_is_recorded_makes_the_total_known_and_past_reports_stay_as_they_were(book):
    book.owe("1000", "loan-6", currency="EUR")
    before = concentration(book, reporting_currency_code="USD")
    rate = price_pb2.FxRate(
        base_currency_code="EUR", quote_currency_code="USD", date=calendar(FIRST_DAY), rate={"value": "1.5"}
    )
    book.prices.IngestFxRates(price_pb2.IngestFxRatesRequest(rates=[rate]))
    now = concentration(book)

    assert now.reporting_total.currency_code == "USD"
    assert now.reporting_total.coverage == common_pb2.COVERAGE_KNOWN
    (euro,) = [one for one in now.reporting_total.rates if one.currency_code == "EUR"]
    assert [leg.price_series for leg in euro.legs] == ["priceSeries/fx-eur-usd"]
    currencies = now.distributions[-1]
    assert {row.key: row.amount for row in currencies.rows}["EUR"] == money("1500")
    assert currencies.total == now.reporting_total.exposure
    as_of = report_pb2.AsOf(sequence=before.sequence)
    assert concentration(book, reporting_currency_code="USD", as_of=as_of) == before


def test_what_states_no_region_is_a_row_of_its_own(book):
    region = report_pb2.CONCENTRATION_DIMENSION_REGION
    (found,) = concentration(book, filter="currency_code = USD", dimensions=[region]).distributions

    assert [(row.not_stated, row.share.value) for row in found.rows] == [(True, "1")]


@pytest.mark.parametrize(
    ("call", "request_", "fields"),
    [
        ("facets.GetLoanFacets", facets_pb2.GetLoanFacetsRequest(fields=["colour"]), ["fields[0]"]),
        ("facets.GetLoanFacets", facets_pb2.GetLoanFacetsRequest(value_limit=-1), ["value_limit"]),
        (
            "concentrations.GenerateConcentrationReport",
            concentration_pb2.GenerateConcentrationReportRequest(
                reporting_currency_code="XXX", dimensions=[NO_DIMENSION], key_limit=-1
            ),
            ["reporting_currency_code", "dimensions[0]", "key_limit"],
        ),
        (
            "reports.GenerateLtvReport",
            report_pb2.GenerateLtvReportRequest(reporting_currency_code="usd"),
            ["reporting_currency_code"],
        ),
    ],
    ids=["fields", "values", "concentration", "report"],
)
def test_a_wrong_field_is_named(book, call, request_, fields):
    service, method = call.split(".")

    with pytest.raises(grpc.RpcError) as caught:
        getattr(getattr(book, service), method)(request_)
    assert details_of(caught.value)[1] == fields
