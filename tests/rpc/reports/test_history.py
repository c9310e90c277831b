"""The history of loans and of the book has, for each business date, the figures of the report as of that date."""

from datetime import date, timedelta
from itertools import pairwise

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from collateral_registry.v1 import asset_pb2, common_pb2, history_pb2, loan_pb2, report_pb2
from tests.support.server import FIRST_DAY, Client, calendar, details_of

DAYS = [date(2022, 1, 3) + timedelta(days=days) for days in (0, 1, 2, 3, 4, 7, 8, 9)]


@pytest.fixture(scope="module")
def book(shared_client: Client) -> Client:
    """Four loans over nine days: one breaches and is cured, one is closed, one never has collateral, one owes nothing.

    A price is corrected, another is quarantined, and a lot changes its class.
    """
    client = shared_client
    client.covered_loan()
    for number in (2, 3):
        client.register_lot(f"lot-{number}", quantity="50")
        client.register_loan(f"loan-{number}")
        client.pledge(f"loan-{number}", f"lot-{number}")
    client.owe("200000", "loan-2")
    steps = {
        DAYS[0]: lambda: client.quote("9900", DAYS[0]),
        DAYS[1]: lambda: client.owe("720000", day=DAYS[1]),
        DAYS[2]: lambda: client.quote("10100", DAYS[0]),
        DAYS[3]: lambda: client.register_loan("loan-4"),
        DAYS[4]: lambda: client.quote("30000", DAYS[4]),
        DAYS[5]: lambda: client.owe("500000", day=DAYS[5]),
        DAYS[6]: lambda: close(client, "loan-3"),
        DAYS[7]: lambda: reclassify(client, "lot-2", "inventory.precious_metal"),
    }
    for day, step in steps.items():
        client.advance(day)
        step()
    return client


def close(client, loan_id):
    client.loans.CloseLoan(loan_pb2.CloseLoanRequest(name=f"loans/{loan_id}"))


def reclassify(client, asset_id, asset_class):
    asset = asset_pb2.Asset(name=f"assets/{asset_id}", asset_class=asset_class)
    mask = FieldMask(paths=["asset_class"])
    client.assets.UpdateAsset(asset_pb2.UpdateAssetRequest(asset=asset, update_mask=mask))


def report(client, day):
    moment = report_pb2.AsOf(market_date=day)
    return client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(as_of=moment))


def book_history(client, **fields):
    return client.history.GetBookHistory(history_pb2.GetBookHistoryRequest(**fields))


def loan_history(client, loan="loan-1", **fields):
    return client.history.GetLoanHistory(history_pb2.GetLoanHistoryRequest(name=f"loans/{loan}", **fields))


def test_each_day_of_the_book_has_the_totals_and_goods_of_the_report_of_that_day(book):
    history = book_history(book)

    assert [day.market_date for day in history.days] == [calendar(day) for day in [*DAYS[::-1], FIRST_DAY]]
    for day in history.days:
        of_day = report(book, day.market_date)
        goods = [one for one in of_day.concentrations if one.dimension == report_pb2.CONCENTRATION_DIMENSION_GOOD]
        assert day.sequence == of_day.sequence
        assert list(day.totals) == list(of_day.totals)
        assert [(one.key, one.lendable_value) for one in day.goods] == [(one.key, one.lendable_value) for one in goods]
        levels = sorted(row.cover.level for row in of_day.rows)
        assert sorted(one.level for one in day.levels for _ in range(one.loan_count)) == levels


@pytest.mark.parametrize("loan", ["loan-1", "loan-2", "loan-3", "loan-4"])
def test_each_day_of_a_loan_has_the_row_of_the_report_of_that_day(book, loan):
    history = [
        (day.market_date, day.cover, day.breach, day.deadline_date) for day in reversed(loan_history(book, loan).days)
    ]
    reports = [report(book, calendar(day)) for day in (FIRST_DAY, *DAYS)]

    assert history == [
        (one.market_date, row.cover, row.breach, row.deadline_date)
        for one in reports
        for row in one.rows
        if row.loan == f"loans/{loan}"
    ]


def test_a_correction_changes_the_day_on_which_it_came_and_no_day_before(book):
    days = {day.market_date.day: day for day in loan_history(book).days}

    assert days[3].cover.market_value.units == 990_000
    assert days[4].cover.market_value.units == 990_000
    assert days[5].cover.market_value.units == 1_010_000


def test_a_quarantined_price_marks_its_day_and_changes_no_value(book):
    days = {day.market_date.day: day for day in loan_history(book).days}
    flag = common_pb2.QUALITY_FLAG_NEWER_PRICE_QUARANTINED

    assert flag in days[7].cover.quality_flags
    assert flag not in days[6].cover.quality_flags
    assert days[7].cover.market_value == days[6].cover.market_value


def test_claims_count_for_the_class_that_their_asset_had_on_the_day(book):
    newest, before, *_ = book_history(book).days

    assert {one.key for one in before.classes} == {"inventory.base_metal"}
    assert {one.key for one in newest.classes} == {"inventory.base_metal", "inventory.precious_metal"}
    for day in (newest, before):
        assert sum(one.market_value.units for one in day.classes) == sum(one.market_value.units for one in day.totals)


def test_a_loan_states_the_limits_by_which_it_was_judged(book):
    day = loan_history(book).days[0]

    assert day.ltv_levels.margin_call.value == "1"
    assert day.ltv_basis == common_pb2.LTV_BASIS_LENDABLE


def test_keys_beyond_the_limit_are_summed_with_their_number(book):
    whole, cut = book_history(book).days[0], book_history(book, key_limit=1).days[0]

    assert [(one.key, one.others_count) for one in cut.classes] == [("inventory.base_metal", 0), ("", 1)]
    assert cut.classes[1].lendable_value == whole.classes[1].lendable_value


@pytest.mark.parametrize("history", [book_history, loan_history])
def test_pages_join_to_the_whole_and_keep_the_moment_of_the_first(book, history):
    whole, days, token = history(book), [], ""
    for _ in range(3):
        page = history(book, page_size=4, page_token=token)
        days += page.days
        token = page.next_page_token
        assert page.sequence == whole.sequence

    assert days == list(whole.days)
    assert not token


def test_the_view_of_levels_has_the_same_totals_without_collateral(book):
    whole, levels = book_history(book), book_history(book, view=history_pb2.BOOK_HISTORY_VIEW_LEVELS)

    for day in whole.days:
        del day.classes[:], day.goods[:]
    assert levels == whole


def test_dates_bound_the_days(book):
    bounds = {"first_date": calendar(DAYS[1]), "last_date": calendar(DAYS[3])}

    assert [day.market_date.day for day in book_history(book, **bounds).days] == [6, 5, 4]
    assert [day.market_date.day for day in loan_history(book, **bounds).days] == [6, 5, 4]
    assert not book_history(book, first_date=calendar(date(2030, 1, 1))).days


def test_a_history_as_of_a_moment_leaves_out_later_commits(book):
    moment = report_pb2.AsOf(market_date=calendar(DAYS[2]))
    history = book_history(book, as_of=moment)

    assert history.days[0].market_date == calendar(DAYS[2])
    assert list(history.days) == list(book_history(book).days)[-4:]
    assert loan_history(book, as_of=moment).days == loan_history(book).days[-4:]


def test_the_ltvs_of_several_loans_are_those_of_their_histories(book):
    names = ["loans/loan-1", "loans/loan-3"]
    found = book.history.BatchGetLtvHistories(history_pb2.BatchGetLtvHistoriesRequest(names=names, day_count=4))

    assert list(found.market_dates) == [calendar(day) for day in DAYS[-4:]]
    assert [one.loan for one in found.histories] == names
    of_loan = [(day.cover.level, day.cover.ltv) for day in loan_history(book).days[:4]]
    assert [(point.level, point.ltv) for point in found.histories[0].points] == of_loan[::-1]
    levels = [point.level for point in found.histories[1].points]
    assert levels == [common_pb2.LTV_LEVEL_NONE] * 2 + [common_pb2.LTV_LEVEL_UNSPECIFIED] * 2


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda client: loan_history(client, first_date=calendar(DAYS[1]), last_date=calendar(DAYS[0])), "last_date"),
        (lambda client: loan_history(client, "Loan 1"), "name"),
        (lambda client: book_history(client, key_limit=-1), "key_limit"),
        (lambda client: book_history(client, page_token="x"), "page_token"),
        (lambda client: client.history.BatchGetLtvHistories(history_pb2.BatchGetLtvHistoriesRequest()), "names"),
    ],
    ids=["order", "name", "keys", "token", "no loans"],
)
def test_a_bad_request_is_refused_naming_the_field(book, call, field):
    with pytest.raises(grpc.RpcError) as refused:
        call(book)

    assert details_of(refused.value)[1] == [field]


def test_an_unknown_loan_is_not_found(book):
    with pytest.raises(grpc.RpcError) as refused:
        loan_history(book, "loan-9")

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_days_are_in_descending_order(book):
    days = [(day.market_date.year, day.market_date.month, day.market_date.day) for day in book_history(book).days]

    assert all(later > earlier for later, earlier in pairwise(days))
