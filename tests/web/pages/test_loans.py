"""The list of loans and the reports: counts of the views, orders of the columns, and one currency with its rates."""

import re
from decimal import Decimal

import pytest

from collateral_registry.v1 import concentration_pb2, report_pb2
from collateral_registry.v1.facets_pb2 import LoanFacetValue
from collateral_registry.web.pages.texts import texts_of
from collateral_registry.web.pages.views.common.facets import Facets
from collateral_registry.web.pages.views.loans.loans import next_order, order_of
from tests.web.conftest import Web
from tests.web.pages.test_answers import ask


@pytest.fixture
def sample(pages):
    """The pages of the sample book."""
    return Web(pages.server, pages.client, pages.address)


@pytest.mark.parametrize(
    ("current", "field", "following"),
    [
        ("ltv desc", "ltv", "ltv"),
        ("ltv", "ltv", "ltv desc"),
        ("ltv desc", "exposure", "exposure desc"),
        ("ltv desc", "borrower", "borrower"),
        ("borrower", "borrower", "borrower desc"),
        ("ltv desc", "price_fall_to_margin_call", "price_fall_to_margin_call"),
    ],
)
def test_the_head_of_a_column_leads_to_its_first_direction_and_then_to_the_other(current, field, following):
    assert next_order(current, field) == following


def test_an_unknown_order_of_an_address_is_the_default():
    assert order_of("colour desc") == order_of("") == "ltv desc"
    assert order_of("cash_cure desc") == "cash_cure desc"


def test_the_loans_within_a_fall_are_those_of_all_smaller_falls():
    values = [LoanFacetValue(value=value, loan_count=1) for value in ("0.05", "0.10", "0.11", "")]

    assert Facets({"price_fall_to_margin_call": values}, 4).within(Decimal("0.10")) == 2


def test_the_views_state_their_numbers_of_loans_and_the_order_in_use(sample):
    text = ask(sample, "/loans?order=exposure+desc")[2]
    views = dict(re.findall(r'<a href="(/loans[^"]*)"[^>]*>[^<]*<b>(\d+)</b></a>', text))

    assert len(views) == 6
    for address, count in views.items():
        shown = ask(sample, address.replace("&amp;", "&"))[2]
        assert re.findall(r'class="listhead"><b>(\d+)', shown) == [count], address
    assert re.findall(r'aria-sort="(\w+)"', text) == ["descending"]
    assert texts_of("en")("loans.owed_at_rates", amount="").strip() in text


def test_a_choice_keeps_the_counts_of_the_other_choices(sample):
    levels = r'<option value="(watch|none)"[^>]*>[^<(]*\((\d+)\)'

    assert re.findall(levels, ask(sample, "/loans?level=beyond")[2]) == re.findall(levels, ask(sample, "/loans")[2])


def test_the_reports_state_the_total_in_one_currency_with_its_rates(sample):
    service = sample.client.concentrations
    request = concentration_pb2.GenerateConcentrationReportRequest(reporting_currency_code="USD")
    found = service.GenerateConcentrationReport(request)
    text = ask(sample, "/reports?in=USD")[2]

    owed = found.reporting_total.exposure
    assert f"{owed.units + (owed.nanos > 0):,}" in text
    for rate in found.reporting_total.rates:
        assert all(f"/prices/{leg.price_series.partition('/')[2]}" in text for leg in rate.legs)
    names = report_pb2.ConcentrationDimension.values()
    assert text.count("Herfindahl index") == len(names) - 1


def test_a_total_without_a_rate_is_unknown_on_every_page(sample):
    for path in ("/reports?in=JPY", "/?in=JPY"):
        status, _, text = ask(sample, path)
        assert (status, "no rate" in text) == (200, True), path
