"""One server of two lenders: each caller reaches the book of the own lender, on either engine."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format

from collateral_registry.v1 import business_date_pb2, loan_pb2
from tests.support.contract_book import loan as loan_text
from tests.support.http import get_text, post
from tests.support.lenders import ALPHA, BETA, LenderClient, lender_urls, lenders_server
from tests.support.postgres import wait_until
from tests.support.server import free_port

pytestmark = pytest.mark.slow

PLACES = ["files", "databases", "schemas"]


@pytest.fixture(params=PLACES)
def urls(request: pytest.FixtureRequest, tmp_path: Path, prepared_file: Path) -> Iterator[dict[str, str]]:
    """The databases of two lenders: a file each, a database each, or a schema each of a database."""
    if request.param == "files":
        for lender in (ALPHA, BETA):
            (tmp_path / lender).mkdir()
            shutil.copy(prepared_file, tmp_path / lender / "collateral.db")
        yield {ALPHA: "", BETA: ""}
        return
    cluster = request.getfixturevalue("cluster")
    found = lender_urls(request.param, request.getfixturevalue("prepared_database"), cluster)
    yield found
    for database in {url.partition("?")[0] for url in found.values()}:
        cluster.administer(f'DROP DATABASE IF EXISTS "{database.rpartition("/")[2]}" WITH (FORCE)')


def loan(loan_id: str = "loan-1") -> loan_pb2.CreateLoanRequest:
    return text_format.Parse(loan_text(loan_id), loan_pb2.CreateLoanRequest())


def test_a_caller_reaches_the_book_of_the_own_lender_only(tmp_path, urls):
    server = lenders_server(tmp_path, urls).start()
    with grpc.insecure_channel(server.address) as channel:
        alpha, beta, gamma = (LenderClient(channel, lender) for lender in (ALPHA, BETA, "gamma"))
        first = alpha.call("CreateLoan", loan())
        listed = [len(one.call("ListLoans", loan_pb2.ListLoansRequest()).loans) for one in (alpha, beta)]
        same = beta.call("CreateLoan", loan())
        moved = alpha.call("AdvanceBusinessDate", next_day())
        dates = [
            one.call("GetBusinessDate", business_date_pb2.GetBusinessDateRequest()).date.day for one in (alpha, beta)
        ]
        alpha.call("CreateLoan", loan("loan-2"))
        token = alpha.call("ListLoans", loan_pb2.ListLoansRequest(page_size=1)).next_page_token
        with pytest.raises(grpc.RpcError) as foreign:
            beta.call("ListLoans", loan_pb2.ListLoansRequest(page_size=1, page_token=token))
        with pytest.raises(grpc.RpcError) as refused:
            gamma.call("ListLoans", loan_pb2.ListLoansRequest())
    assert server.stop() == 0

    assert (first.name, same.name) == ("loans/loan-1", "loans/loan-1")
    assert listed == [1, 0]
    assert (moved.date.day, dates) == (3, [3, 31])
    assert foreign.value.details().startswith("page_token: got ")
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert not any(lender in refused.value.details() for lender in (ALPHA, BETA))


def next_day() -> business_date_pb2.AdvanceBusinessDateRequest:
    return text_format.Parse("date {year: 2022 month: 1 day: 3}", business_date_pb2.AdvanceBusinessDateRequest())


def test_a_book_that_cannot_be_opened_takes_no_other_down(tmp_path, prepared_file):
    """HTTP passes the caller's credentials on; readiness states each book."""
    (tmp_path / ALPHA).mkdir()
    shutil.copy(prepared_file, tmp_path / ALPHA / "collateral.db")
    (tmp_path / BETA).write_text("no folder")
    http, operations = (f"127.0.0.1:{free_port()}" for _ in range(2))
    options = ["--http-address", http, "--metrics-address", operations]
    server = lenders_server(tmp_path, {ALPHA: "", BETA: ""}, options)
    try:
        server.start("collateral_registry.v1.LoanService")
        codes = [
            post(http, "LoanService/ListLoans", {}, {"authorization": lender}).status
            for lender in (ALPHA, BETA, "gamma")
        ]
        state, _, text = get_text(operations, "/readyz")
        one, _, _ = get_text(operations, f"/readyz/{ALPHA}")
    finally:
        code = server.stop()

    assert (codes, state, one, code) == ([200, 503, 403], 503, 200, 0)
    ready = json.loads(text)
    assert [ready["books"][lender]["ready"] for lender in (ALPHA, BETA)] == [True, False]
    assert "the book cannot be opened" in ready["books"][BETA]["parts"]["server"]["cause"]


def test_a_damaged_book_that_is_moved_away_is_not_replaced_by_an_empty_one(tmp_path, prepared_file):
    for lender in (ALPHA, BETA):
        (tmp_path / lender).mkdir()
    shutil.copy(prepared_file, tmp_path / ALPHA / "collateral.db")
    damaged = tmp_path / BETA / "collateral.db"
    damaged.write_bytes(b"no database " * 1_000)
    operations = f"127.0.0.1:{free_port()}"
    server = lenders_server(tmp_path, {ALPHA: "", BETA: ""}, ["--metrics-address", operations])

    def cause() -> str:
        ready = json.loads(get_text(operations, "/readyz")[2])
        return ready["books"][BETA]["parts"]["server"]["cause"]

    try:
        server.start("collateral_registry.v1.LoanService")
        assert "damaged" in cause()
        damaged.rename(damaged.with_suffix(".damaged"))
        wait_until(lambda: "got another file at" in cause())
    finally:
        code = server.stop()

    assert (code, damaged.exists()) == (0, False)
