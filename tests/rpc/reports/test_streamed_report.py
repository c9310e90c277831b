"""The streamed report has every row as of one moment, with the figures of the paged report."""

from decimal import Decimal

import grpc
import pyarrow as pa
import pytest

from collateral_registry.v1 import common_pb2, report_pb2
from tests.support.server import FIRST_DAY, Client, details_of, money


@pytest.fixture(scope="module")
def book(shared_client: Client) -> Client:
    """Five loans with a lot each: one owes nothing, one has no pledge; tests may change their balances."""
    client = shared_client
    client.covered_loan()
    for number in range(2, 6):
        client.register_loan(f"loan-{number}")
        if number < 5:
            client.register_lot(f"lot-{number}")
            client.pledge(f"loan-{number}", f"lot-{number}")
    for number in (2, 3, 5):
        client.owe(f"{number * 3}00000", f"loan-{number}")
    return client


def streamed(client: Client, **fields) -> tuple[report_pb2.StreamLtvReportResponse, pa.Table]:
    """The first message, and the table in all messages."""
    answers = list(client.reports.StreamLtvReport(report_pb2.StreamLtvReportRequest(**fields)))
    return answers[0], pa.ipc.open_stream(b"".join(answer.arrow for answer in answers)).read_all()


def paged(client: Client, **fields) -> report_pb2.GenerateLtvReportResponse:
    return client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(**fields))


@pytest.mark.parametrize(
    "order_by", ["", "ltv", "loan desc", "borrower", "exposure desc", "level desc", "deadline_date"]
)
def test_the_stream_has_the_loans_of_the_pages_in_their_order(book, order_by):
    first, table = streamed(book, order_by=order_by)
    pages = paged(book, order_by=order_by)

    assert [f"loans/{loan}" for loan in table["loan_id"].to_pylist()] == [row.loan for row in pages.rows]
    assert (first.sequence, first.row_count) == (pages.sequence, 5)
    assert first.market_date == pages.market_date


def test_the_figures_are_those_of_the_pages(book):
    _, table = streamed(book)

    for row, page in zip(table.to_pylist(), paged(book).rows, strict=True):
        cover = page.cover
        assert money(str(Decimal(row["exposure_minor"]) / 100)) == cover.exposure
        assert money(str(Decimal(row["lendable_value_minor"]) / 100)) == cover.lendable_value
        assert row["level"] == common_pb2.LtvLevel.Name(cover.level).removeprefix("LTV_LEVEL_")
        assert (row["ltv"] == float("inf")) == cover.ltv_infinite
        assert (row["breach_number"] is not None) == bool(page.breach)
        for name in ("distance_to_next_level", "price_fall_to_next_level", "last_good_ltv"):
            if cover.HasField(name):
                assert row[name] == pytest.approx(float(getattr(cover, name).value), abs=1e-9)
        for name in ("distance_to_next_level", "price_fall_to_next_level"):
            assert (row[name] is not None) == cover.HasField(name)


def test_a_loan_without_debt_has_no_ratio_and_no_deadline(book):
    _, table = streamed(book, order_by="ltv")
    row = table.to_pylist()[-1]

    assert (row["loan_id"], row["exposure_minor"]) == ("loan-4", 0)
    assert row["ltv"] is None
    assert row["deadline_date"] is None
    assert row["market_date"] == FIRST_DAY


def test_a_filter_does_not_change_the_columns(book):
    _, none = streamed(book, filter="borrower = Unknown")
    _, table = streamed(book, filter="level = LIQUIDATION")

    assert none.num_rows == 0
    assert none.schema == table.schema
    assert set(table["level"].to_pylist()) == {"LIQUIDATION"}


def test_a_stream_as_of_a_commit_never_changes(book):
    first, _ = streamed(book)
    moment = report_pb2.AsOf(sequence=first.sequence)
    request = report_pb2.StreamLtvReportRequest(as_of=moment)
    before = [answer.SerializeToString() for answer in book.reports.StreamLtvReport(request)]
    book.owe("1", "loan-2")

    assert [answer.SerializeToString() for answer in book.reports.StreamLtvReport(request)] == before


def test_a_stream_can_be_cancelled_and_requested_again(book):
    answers = book.reports.StreamLtvReport(report_pb2.StreamLtvReportRequest())
    next(answers)
    answers.cancel()

    assert streamed(book)[1].num_rows == 5


def test_an_unknown_order_is_refused(book):
    with pytest.raises(grpc.RpcError) as refused:
        streamed(book, order_by="colour")

    assert details_of(refused.value)[1] == ["order_by"]
