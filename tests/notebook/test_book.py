"""Tables of a book have all rows, exact amounts, ordered levels, lists of reasons, and state what they describe."""

import socket
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import valuation
from collateral_registry.notebook import CallFailed, TooManyRows, Unreachable, channel, connect
from collateral_registry.notebook.columns import LEVELS, amounts_of_minor, exact_numbers
from collateral_registry.v1 import common_pb2, haircut_pb2, report_pb2
from tests.notebook.conftest import NEXT_DAY
from tests.support.server import FIRST_DAY, amount, connected, free_port
from valuation.errors import InvalidInput

POLICY = "policies/default-2021"
TABLES = {
    "loans": lambda book: book.loans(),
    "breaches": lambda book: book.breaches(),
    "prices": lambda book: book.prices("copper"),
    "valuations": lambda book: book.valuations("lot-1"),
    "haircuts": lambda book: book.haircuts(),
    "loan history": lambda book: book.loan_history(book.loans().to_arrow().to_pylist()[0]["loan_id"]),
    "differences": lambda book: book.differences(1),
    "history by currency": lambda book: book.history(by="currency"),
    "history by level": lambda book: book.history(by="level"),
    "history by class": lambda book: book.history(by="class"),
    "history by good": lambda book: book.history(by="good"),
    "forecast": lambda book: book.forecast("copper", horizon_days=5, model="random-walk"),
}


@pytest.mark.parametrize("read", TABLES.values(), ids=TABLES)
def test_a_table_opens_in_every_data_frame_and_states_what_it_describes(book, read):
    table = read(book)

    assert len(table) > 0
    assert table.metadata["commit"] == book.state()["commit"]
    assert table.metadata["business_date"] == NEXT_DAY.isoformat()
    assert table.metadata.get("policy", POLICY) == POLICY
    assert len(table.to_pandas()) == len(table.to_polars()) == len(pl.DataFrame(table)) == len(table)
    assert table.to_pandas().attrs == table.metadata
    assert f"commit {table.metadata['commit']}" in repr(table)
    assert pa.table(table).schema.metadata == table.to_arrow().schema.metadata


def test_amounts_are_exact_decimals_of_their_currencies(book, running):
    with connected(running) as client:
        report = client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(order_by="loan"))
    table = book.loans(order_by="loan").to_arrow()

    assert table.schema.field("exposure").type == pa.decimal128(38, 2)
    assert book.loans(filter="currency_code = JPY").to_arrow().schema.field("exposure").type == pa.decimal128(38, 0)
    rows = table.to_pylist()
    assert [row["currency_code"] for row in rows] == ["USD", "JPY"]
    for row, wanted in zip(rows, report.rows, strict=True):
        for name in ("exposure", "market_value", "lendable_value", "cash_cure", "collateral_cure"):
            assert row[name] == amount(getattr(wanted.cover, name)), name
    assert rows[1]["exposure"] == Decimal(5_000_000)


def test_levels_are_ordered_categories(book):
    table = book.loans(order_by="loan")
    frame, polars = table.to_pandas(), table.to_polars()

    assert (
        list(frame["level"].cat.categories)
        == list(LEVELS)
        == ["NONE", "WATCH", "MARGIN_CALL", "STOP_DRAW", "LIQUIDATION"]
    )
    assert frame[frame["level"] >= "MARGIN_CALL"]["loan_id"].tolist() == ["loan-1"]
    for direct in (polars, pl.DataFrame(table)):
        assert direct.schema["level"] == pl.Enum(LEVELS)
        assert direct.filter(pl.col("level") >= "MARGIN_CALL")["loan_id"].to_list() == ["loan-1"]
    of_arrow = table.to_pandas(types_mapper=pd.ArrowDtype)
    assert of_arrow.loc[of_arrow["level"] >= "MARGIN_CALL", "loan_id"].tolist() == ["loan-1"]
    assert isinstance(of_arrow["exposure"].dtype, pd.ArrowDtype)


def test_the_levels_are_those_of_the_contract():
    assert [f"LTV_LEVEL_{name}" for name in LEVELS] == common_pb2.LtvLevel.keys()[1:]


def test_reasons_are_lists_and_dates_are_dates(book):
    table = book.loans(order_by="loan")
    rows = table.to_arrow().to_pylist()

    assert rows[0]["unknown_reasons"] == []
    assert (rows[1]["coverage"], rows[1]["unknown_reasons"]) == ("UNKNOWN", ["NO_PRICE"])
    assert table.to_pandas()["unknown_reasons"].tolist() == [[], ["NO_PRICE"]]
    assert rows[0]["market_date"] == NEXT_DAY
    assert table.to_pandas()["market_date"][0] == pd.Timestamp(NEXT_DAY)
    assert book.prices("copper").to_arrow().schema.field("known_time").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        (FIRST_DAY, FIRST_DAY),
        (FIRST_DAY.isoformat(), FIRST_DAY),
        (np.datetime64(FIRST_DAY), FIRST_DAY),
        (1, FIRST_DAY),
        (np.int64(1), FIRST_DAY),
        (None, NEXT_DAY),
        (datetime(2199, 1, 1, tzinfo=UTC), NEXT_DAY),
        (pd.Timestamp("2199-01-01", tz="Asia/Shanghai"), NEXT_DAY),
        ("2199-01-01T00:00:00+08:00", NEXT_DAY),
    ],
)
def test_a_past_report_is_that_of_its_moment(book, as_of, day):
    table = book.loans(as_of)

    assert table.metadata["business_date"] == day.isoformat()
    if as_of == 1:
        assert (len(table), table.metadata["commit"]) == (0, "1")
    else:
        assert set(table.to_arrow()["level"].to_pylist()) == ({"NONE"} if day == FIRST_DAY else {"NONE", "LIQUIDATION"})


def test_a_report_before_the_book_is_empty_and_has_no_commit(book):
    for table in (book.loans("1999-01-01"), book.breaches("1999-01-01")):
        assert (len(table), table.metadata) == (0, {"commit": "0", "business_date": "", "policy": ""})
        assert len(table.to_pandas()) == len(table.to_polars()) == 0


@pytest.mark.parametrize(
    ("as_of", "message"),
    [
        (datetime(2022, 1, 1), "as_of: got 2022-01-01 00:00:00, want a time with a time zone"),  # noqa: DTZ001 - the case
        ("yesterday", "as_of: got 'yesterday', want a date such as 2022-07-13"),
        (True, "as_of: got True, want a date"),
        (2.5, "as_of: got 2.5, want a date"),
        (2**70, "as_of: got 1180591620717411303424, want a date"),
        (pd.NaT, "as_of: got NaT, want a time with a time zone"),
        ("2022-01-01T12:00", "as_of: got 2022-01-01T12:00, want a time with a time zone"),
        (np.datetime64("2022-01-01T12:00"), "as_of: got 2022-01-01T12:00, want a time with a time zone"),
    ],
)
def test_a_moment_that_is_none_is_refused(book, as_of, message):
    with pytest.raises(InvalidInput, match=message):
        book.loans(as_of)


def test_breaches_have_the_figures_of_their_newest_events(book):
    (row,) = book.breaches(filter="state = OPEN").to_arrow().to_pylist()

    assert (row["loan_id"], row["state"], row["level"]) == ("loan-1", "OPEN", "LIQUIDATION")
    assert row["open_date"] == NEXT_DAY
    assert row["exposure"] == Decimal("500000.00")
    assert row["cash_cure"] > 0
    assert len(book.breaches(FIRST_DAY)) == 0


def test_prices_in_use_are_those_that_the_service_uses(book, running):
    table = book.prices("priceSeries/copper")
    with connected(running) as client:
        request = haircut_pb2.EstimateHaircutRequest(price_series="priceSeries/copper", horizon_days=20)
        wanted = client.haircuts.EstimateHaircut(request)

    found = valuation.haircut(table)
    assert found.loss == pytest.approx(float(wanted.haircut.value), abs=1e-9)
    assert found.observations == wanted.observation_count
    last = table.to_arrow().to_pylist()[-1]
    assert (last["date"], last["price"], last["unit"]) == (NEXT_DAY, Decimal("7000.125"), "t")
    assert len(book.prices("copper", every_record=True)) > len(table)


def test_valuations_have_every_part_of_the_haircut(book):
    newest, *_ = book.valuations("assets/lot-1").to_arrow().to_pylist()
    parts = [newest[f"{part}_haircut"] for part in ("value", "market", "liquidity", "cost", "legal")]

    kept = 1.0
    for part in parts:
        kept *= 1.0 - part
    assert max(1.0 - kept, newest["haircut_floor"]) == pytest.approx(newest["haircut"], abs=1e-6)
    assert newest["lendable_value"] <= newest["adjusted_value"] <= newest["market_value"] == Decimal("700012.50")
    assert newest["policy"] == POLICY
    assert newest["create_time"].tzinfo is not None
    (unknown, *_) = book.valuations("lot-2").to_arrow().to_pylist()
    assert (unknown["state"], unknown["market_value"], unknown["unknown_reasons"]) == ("UNKNOWN", None, ["NO_PRICE"])


def test_haircuts_are_the_newest_curve_of_each_series_and_currency(book):
    table, every = book.haircuts(), book.haircuts(every_record=True)
    rows = table.to_arrow().to_pylist()
    keys = [(row["series"], row["base_currency_code"], row["currency_code"], row["confidence"]) for row in rows]

    assert len(set(keys)) == len(keys) <= len(every)
    (copper,) = [row for row in rows if row["series"] == "copper" and row["currency_code"] == "USD"]
    assert copper["losses"] == sorted(copper["losses"])
    assert copper["date"] == max(row["date"] for row in every.to_arrow().to_pylist() if row["series"] == "copper")


def test_histories_end_with_the_figures_of_the_book_and_start_with_its_first_day(book):
    loan = book.loans().to_arrow().to_pylist()[0]
    days = book.loan_history(loan["loan_id"]).to_arrow().to_pylist()

    assert (days[0]["date"], days[-1]["date"]) == (FIRST_DAY, NEXT_DAY)
    assert {name: days[-1][name] for name in ("level", "ltv", "exposure", "lendable_value")} == {
        name: loan[name] for name in ("level", "ltv", "exposure", "lendable_value")
    }
    levels = book.history(by="level", first=NEXT_DAY.isoformat()).to_arrow().to_pylist()
    assert sum(row["loan_count"] for row in levels) == len(book.loans())
    assert {row["date"] for row in levels} == {NEXT_DAY}


def test_the_changes_by_step_of_a_loan_sum_to_its_change(book):
    rows = book.differences(1).to_arrow().to_pylist()

    assert rows
    for row in rows:
        for name in ("lendable_value", "market_value"):
            parts = [change for column, change in row.items() if column.startswith(f"{name}_by_")]
            assert sum(parts) == (row[name] or 0) - (row[f"{name}_before"] or 0)


def test_a_history_by_something_else_or_from_no_date_is_refused(book):
    for bad in ({"by": "colour"}, {"first": "yesterday"}):
        with pytest.raises(InvalidInput, match=next(iter(bad))):
            book.history(**bad)


def test_a_forecast_that_is_unknown_has_its_reason(book):
    table = book.forecast(asset="lot-2")

    assert (len(table), table.metadata["unknown_reason"]) == (0, "NO_PRICE")
    assert table.columns[:3] == ["horizon_days", "date", "p05"]


def test_all_pages_are_read_and_nothing_is_left_out_silently(book, monkeypatch):
    whole = book.prices("copper").to_arrow()
    monkeypatch.setattr(channel, "PAGE_ROWS", 7)

    assert book.prices("copper").to_arrow().equals(whole)
    for read in (
        lambda: book.prices("copper", limit=9),
        lambda: book.loans(limit=1),
        lambda: book.haircuts(limit=0),
    ):
        with pytest.raises(TooManyRows, match="rows: got more than"):
            read()


def test_what_the_server_refuses_is_raised_in_its_own_words(book):
    with pytest.raises(CallFailed, match="priceSeries/none does not exist") as missing:
        book.prices("none")
    with pytest.raises(CallFailed, match="filter: got") as wrong:
        book.loans(filter="colour = red")

    assert (missing.value.code, missing.value.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert (wrong.value.code, wrong.value.reason) == ("INVALID_ARGUMENT", "INVALID_INPUT")


def test_no_server_is_unreachable_at_once():
    address = f"127.0.0.1:{free_port()}"

    with pytest.raises(Unreachable, match=f"cannot reach a server at {address}; start one with: collateral serve"):
        connect(address)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"address": "http://127.0.0.1:50051"}, "address: got 'http://127.0.0.1:50051', want host:port"),
        ({"address": "127.0.0.1"}, "address: got '127.0.0.1', want host:port"),
        ({"address": None}, "address: got None, want host:port"),
        ({"seconds": 0}, "seconds: got 0, want more than 0"),
        ({"seconds": "5"}, "seconds: got '5', want more than 0"),
    ],
)
def test_a_wrong_address_or_time_is_named(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        connect(**arguments)


def test_a_number_that_is_none_is_named(book):
    with pytest.raises(InvalidInput, match="limit: got None, want a whole number"):
        book.loans(limit=None)
    with pytest.raises(InvalidInput, match=r"horizon_days: got 2\.5, want a whole number of days"):
        book.forecast("copper", horizon_days=2.5)


def test_a_call_without_an_answer_in_time_names_the_limit():
    message = r"no answer within 0\.25 s; connect with more seconds"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CallFailed, match=message):
        connect(f"127.0.0.1:{silent.getsockname()[1]}", seconds=0.25)


def test_a_closed_book_says_so_and_still_shows_itself(running):
    with connect(running.address) as closed:
        pass

    with pytest.raises(Unreachable, match="the book is closed; connect again"):
        closed.loans()
    assert repr(closed) == f"Book('{running.address}'): the book is closed; connect again"


def test_a_book_shows_its_moment(book):
    assert repr(book).startswith("Book('127.0.0.1:")
    assert f"business_date={NEXT_DAY}" in repr(book)


def test_prices_of_any_number_of_digits_are_exact():
    assert exact_numbers(["0.1", "12"]).type == pa.decimal128(38, 1)
    assert exact_numbers(["1" + "0" * 39]).to_pylist() == [Decimal(10**39)]
    assert exact_numbers([]).to_pylist() == []


def test_amounts_of_several_currencies_have_the_digits_of_the_finest():
    found = amounts_of_minor(np.array([-150, 7, 1234]), np.array([2, 0, 3]), 3)

    assert found.to_pylist() == [Decimal("-1.500"), Decimal("7.000"), Decimal("1.234")]
    with pytest.raises(OverflowError, match="amount: got"):
        amounts_of_minor(np.array([2**53]), np.array([0]), 4)
