"""The difference report over gRPC: pages of one pair of moments, covers of the LTV report, errors by field."""

from datetime import timedelta
from decimal import Decimal

import grpc
import pytest

from collateral_registry.v1 import difference_pb2 as pb, report_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of


@pytest.fixture(scope="module")
def book(shared_client: Client) -> tuple[Client, int]:
    """Three loans whose balances and price changed after a commit, and that commit."""
    client = shared_client
    client.covered_loan()
    for number in (2, 3):
        client.register_loan(f"loan-{number}")
        client.register_lot(f"lot-{number}")
        client.pledge(f"loan-{number}", f"lot-{number}")
    before = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest()).sequence
    client.owe("700000", "loan-2")
    client.quote("9700", FIRST_DAY)
    client.register_loan("loan-4")
    return client, before


def report(book, **fields) -> pb.GenerateDifferenceReportResponse:
    client, before = book
    named = {"before": report_pb2.AsOf(sequence=before), **fields}
    return client.differences.GenerateDifferenceReport(pb.GenerateDifferenceReportRequest(**named))


def major(amount) -> Decimal:
    return Decimal(amount.units) + Decimal(amount.nanos).scaleb(-9)


def test_the_seven_steps_sum_to_the_covers_of_the_ltv_reports(book):
    client, _ = book
    found = report(book)
    covers = {
        seq: {row.loan: row.cover for row in client.reports.GenerateLtvReport(at(seq)).rows}
        for seq in (found.before.sequence, found.after.sequence)
    }

    assert found.rows
    for row in found.rows:
        assert [one.step for one in row.steps] == list(pb.ChangeStep.values())[1:]
        for side, moment in (("before", found.before), ("after", found.after)):
            if row.HasField(side):
                assert getattr(row, side) == covers[moment.sequence][row.loan]
        for name in ("exposure", "market_value", "lendable_value"):
            whole = major(getattr(row.after, name)) - major(getattr(row.before, name))
            assert sum(major(getattr(one, name)) for one in row.steps) == whole
    (total,) = found.totals
    assert (total.loan_count, total.changed_count, total.registered_count) == (4, 3, 1)
    for name in ("exposure", "market_value", "lendable_value"):
        parts = sum(major(getattr(one, name)) for one in total.steps)
        assert parts == major(getattr(total.after, name)) - major(getattr(total.before, name))


def at(seq) -> report_pb2.GenerateLtvReportRequest:
    return report_pb2.GenerateLtvReportRequest(as_of=report_pb2.AsOf(sequence=seq))


def test_pages_keep_both_moments_and_state_the_same_totals(book):
    client, _ = book
    whole = report(book)
    first = report(book, page_size=3)
    client.owe("650000", "loan-2")
    second = report(book, page_size=3, page_token=first.next_page_token)

    assert [*first.rows, *second.rows] == list(whole.rows)
    assert (second.totals, second.before, second.after) == (whole.totals, whole.before, whole.after)
    assert (first.row_count, second.next_page_token) == (4, "")


def test_loans_with_the_worst_change_come_first(book):
    client, _ = book
    client.owe("990000", "loan-3")
    levels = [row.after.level - row.before.level for row in report(book, filter="change = CHANGED").rows]

    assert levels[0] > 0
    assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"before": report_pb2.AsOf()}, "before"),
        ({"before": report_pb2.AsOf(sequence=10_000)}, "before.sequence"),
        ({"after": report_pb2.AsOf(sequence=10_000)}, "after.sequence"),
        ({"after": report_pb2.AsOf(sequence=1)}, "before"),
        ({"filter": "colour = red"}, "filter"),
        ({"page_token": "abc"}, "page_token"),
    ],
    ids=["no-moment", "future-before", "future-after", "wrong-order", "filter", "token"],
)
def test_an_error_names_its_field(book, fields, wrong):
    with pytest.raises(grpc.RpcError) as refused:
        report(book, **fields)

    assert details_of(refused.value)[1] == [wrong]


def test_a_day_names_the_end_of_that_business_date(book):
    day = report_pb2.AsOf(market_date=calendar(FIRST_DAY - timedelta(days=1)))

    assert report(book, before=day).before.sequence == 0
