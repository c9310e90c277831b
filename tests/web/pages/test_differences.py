"""The page of differences shows the figures of the service, and leads to itself from the overview and the reports."""

import re
from decimal import Decimal
from html import unescape
from http.client import HTTPConnection

import pytest

from collateral_registry.v1 import difference_pb2 as pb, difference_pb2_grpc, price_pb2, price_pb2_grpc, report_pb2
from collateral_registry.web.pages.numbers import change, exact, percent
from tests.web.pages.conftest import BREACH_DAYS


def shown(pages, path, language="en"):
    connection = HTTPConnection(pages.address, timeout=60)
    connection.request("GET", path, headers={"accept-language": language})
    answer = connection.getresponse()
    text = unescape(answer.read().decode())
    connection.close()
    return answer.status, text


@pytest.fixture(scope="module")
def report(pages) -> pb.GenerateDifferenceReportResponse:
    """The differences of the last replayed day."""
    days = [report_pb2.AsOf(market_date={"year": 2022, "month": 7, "day": int(day[-2:])}) for day in BREACH_DAYS]
    request = pb.GenerateDifferenceReportRequest(before=days[0], after=days[1])
    return difference_pb2_grpc.DifferenceServiceStub(pages.client.channel).GenerateDifferenceReport(request)


def test_the_page_shows_the_rows_and_the_sums_of_the_report(pages, report):
    # By commit, because other tests change the book of the day.
    status, text = shown(pages, f"/reports/differences?from={report.before.sequence}&to={report.after.sequence}")

    assert status == 200
    assert f"{report.row_count} of 49 loans differ" in text
    assert text.count('class="who"') == report.row_count
    for total in report.totals:
        assert exact(total.before.lendable_value) in text
        for step in total.steps:
            assert change(step.lendable_value) in text


def test_without_a_first_moment_the_page_compares_with_the_business_date_before(pages):
    _, stated = shown(pages, "/reports/differences?from={}&to={}".format(*BREACH_DAYS))
    _, default = shown(pages, f"/reports/differences?to={BREACH_DAYS[1]}")

    assert re.findall(r"<h1>.*?</h1>", stated, re.DOTALL) == re.findall(r"<h1>.*?</h1>", default, re.DOTALL)


def test_the_overview_leads_to_what_changed_since_yesterday(pages, report):
    _, text = shown(pages, "/", "zh")
    (address,) = re.findall(r'href="(/reports/differences\?from=\d+&to=\d+)"', text)

    assert f"有 {report.row_count} 笔发生变动" in text
    assert shown(pages, address)[0] == 200
    assert '"/reports/differences?to=' in shown(pages, "/reports")[1]


def test_the_overview_shows_the_moves_of_the_largest_goods_on_the_day(pages):
    prices = price_pb2_grpc.PriceServiceStub(pages.client.channel)
    listed = prices.ListPrices(price_pb2.ListPricesRequest(parent="priceSeries/wheat", filter="verdict = ACCEPTED"))
    newest, before = listed.prices[:2]
    move = Decimal(newest.price.value) / Decimal(before.price.value) - 1
    _, text = shown(pages, "/")
    (cell,) = re.findall(r'<a href="/prices/wheat">wheat</a></dt><dd class="num">(.*?)</dd>', text)

    assert newest.date.day == int(BREACH_DAYS[1][-2:])
    assert ("▲" in cell) == (move > 0)
    assert percent(move) in cell


def test_a_wrong_moment_is_refused_by_its_name(pages):
    assert shown(pages, "/reports/differences?from=yesterday")[0] == 400
    status, text = shown(pages, "/reports/differences?from={1}&to={0}".format(*BREACH_DAYS))

    assert (status, "before: got commit" in text) == (400, True)
