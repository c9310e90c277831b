"""A caller cannot move the book to a date from which it never returns."""

import grpc
import pytest
from google.type.date_pb2 import Date

from collateral_registry.v1 import business_date_pb2, report_pb2
from tests.attacks.bystander import unnoticed
from tests.support.server import Server, connected, details_of

pytestmark = pytest.mark.slow


FAR_DATES = [(9999, 12, 31), (2_100, 1, 1)]
WRONG_DATES = [(2021, 12, 30), (1, 1, 1), (0, 1, 1), (10_000, 1, 1), (2022, 2, 30), (-1, 1, 1)]


@pytest.mark.parametrize("day", [*FAR_DATES, *WRONG_DATES])
def test_a_far_or_earlier_date_is_refused_and_the_report_stays(attacked: Server, day: tuple[int, int, int]) -> None:
    request = business_date_pb2.AdvanceBusinessDateRequest(date=Date(year=day[0], month=day[1], day=day[2]))
    with connected(attacked) as client:
        before = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(page_size=1_000))
        with pytest.raises(grpc.RpcError) as refused:
            client.dates.AdvanceBusinessDate(request, timeout=30)
        if day in FAR_DATES:
            assert details_of(refused.value)[0].reason == "DATE_TOO_FAR"
        else:
            assert refused.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
        assert client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(page_size=1_000)) == before


def test_a_hundred_far_dates_are_not_noticed(attacked: Server) -> None:
    request = business_date_pb2.AdvanceBusinessDateRequest(date=Date(year=9999, month=12, day=31))
    with connected(attacked) as client, unnoticed(attacked):
        calls = [client.dates.AdvanceBusinessDate.future(request, timeout=30) for _ in range(100)]
        reasons = {details_of(call)[0].reason for call in calls if call.exception()}
    assert "DATE_TOO_FAR" in reasons
    assert reasons <= {"DATE_TOO_FAR", "TOO_MANY_CALLS"}
