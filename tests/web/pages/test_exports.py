"""Reports as files: the figures of the service, and the same bytes whatever is recorded later."""

import asyncio
import csv
import io
import sqlite3
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pypdf
import pytest

from benchmarks.measured import children_of
from collateral_registry.exports.report import Form
from collateral_registry.v1 import loan_pb2, report_pb2, revaluation_pb2, revaluation_pb2_grpc
from collateral_registry.web.gateway.errors import HttpError
from collateral_registry.web.pages.client import Book
from collateral_registry.web.pages.exports import download
from collateral_registry.web.pages.texts import texts_of
from collateral_registry.web.pages.visit import Visit
from tests.exports.reports import HOSTILE
from tests.support.launch import run
from tests.support.postgres import wait_until
from tests.support.server import FIRST_DAY, Server, amount, calendar, connected, free_port, money

OLD = [*(f"/loans.{form}" for form in Form), "/breaches.csv", "/reports.csv"]
"""The old files that are compared: every format, and every report."""


def fetch(address, path, **headers):
    """Returns the status, the headers and the bytes at a path."""
    connection = HTTPConnection(address, timeout=100)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


@pytest.fixture(scope="module")
def loans(pages):
    """The loans of the sample book in every format, and the answer of the service."""
    request = report_pb2.GenerateLtvReportRequest(filter="level >= MARGIN_CALL")
    report = pages.client.reports.GenerateLtvReport(request)
    address = f"level=beyond&as_of={report.sequence}"
    return {form: fetch(pages.address, f"/loans.{form}?{address}")[2] for form in Form}, report


def test_totals_equal_those_of_the_service_to_the_cent(loans):
    files, report = loans
    wanted = {total.currency_code: (amount(total.exposure), amount(total.lendable_value)) for total in report.totals}
    lines = csv.DictReader(files[Form.CSV].decode("utf-8-sig").splitlines()[8:])
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for line in lines:
        before = found.get(line["currency"], (Decimal(0), Decimal(0)))
        owed, lendable = Decimal(line["exposure"]), Decimal(line["lendable_value"])
        found[line["currency"]] = (before[0] + owed, before[1] + lendable)
    book = openpyxl.load_workbook(io.BytesIO(files[Form.XLSX]))
    rows = book.worksheets[1].iter_rows(min_row=2, values_only=True)
    totals = {row[0]: (Decimal(str(row[4])), Decimal(str(row[5]))) for row in rows}
    cures = [cell.value for cell in book.worksheets[0]["L"][1:]]

    assert found == totals == wanted
    assert [Decimal(str(cure)) for cure in cures] == [amount(row.cover.cash_cure) for row in report.rows]
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(files[Form.PDF])).pages)
    assert all(f"{owed:,.2f}" in text for owed, _ in wanted.values())


def test_every_file_has_every_row_in_order_with_the_same_digest(loans):
    files, report = loans
    table = pq.read_table(io.BytesIO(files[Form.PARQUET]))
    facts = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}

    assert table["loan"].to_pylist() == [row.loan.removeprefix("loans/") for row in report.rows]
    assert (facts["rows"], facts["commit"], facts["as_of"]) == (
        str(len(report.rows)),
        str(report.sequence),
        "2022-07-13",
    )
    assert facts["filter"] == "level >= MARGIN_CALL"
    about = openpyxl.load_workbook(io.BytesIO(files[Form.XLSX])).worksheets[-1]
    assert facts["sha256"] in [cell.value for cell in about["B"]]
    assert f"# sha256: {facts['sha256']}" in files[Form.CSV].decode()
    assert facts["sha256"] in pypdf.PdfReader(io.BytesIO(files[Form.PDF])).pages[0].extract_text()


@pytest.mark.parametrize("form", Form)
def test_the_command_writes_the_bytes_of_the_page(pages, tmp_path, form):
    out = tmp_path / "report"
    sequence = pages.client.reports.GenerateBreachReport(report_pb2.GenerateBreachReportRequest(page_size=1)).sequence
    chosen = ["--format", form, "--language", "zh", "--order-by", "level desc", "--as-of", str(sequence)]
    done = run("report", "export", "breaches", "--output", str(out), *chosen, server=pages.server.address)
    address = f"/breaches.{form}?state=all&as_of={sequence}"

    assert (done.returncode, done.stderr.split(" to ")[0]) == (0, "wrote 8 rows")
    assert out.read_bytes() == fetch(pages.address, address, accept_language="zh")[2]


def test_a_page_links_to_its_files_at_its_commit(pages):
    _, _, text = fetch(pages.address, "/loans?level=beyond&page_token=")
    (sequence,) = {
        line.partition("&amp;as_of=")[2] for line in text.decode().split('"') if line.startswith("/loans.xlsx")
    }
    status, headers, _ = fetch(pages.address, f"/loans.pdf?level=beyond&as_of={sequence}", accept_language="zh")

    assert status == 200
    assert headers["content-disposition"] == f'attachment; filename="collateral-ltv-2022-07-13-{sequence}.pdf"'
    assert (headers["content-type"], headers["content-language"]) == ("application/pdf", "zh")
    assert b"/loans.xlsx?as_of=" in fetch(pages.address, "/")[2]
    assert b".xlsx" not in fetch(pages.address, "/status")[2]


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/loans.doc", 404, "want xlsx, pdf, csv, parquet of loans"),
        ("/assets.csv", 404, "got an unknown address"),
        ("/loans.csv?filter=ship%3D1", 400, "want a field: loan, borrower"),
        ("/loans.csv?as_of=yesterday", 400, "want a date such as 2022-07-01"),
        ("/breaches.pdf?as_of=999999999", 400, "as_of"),
    ],
)
def test_a_file_that_cannot_be_made_is_a_page_with_the_reason(pages, path, status, text):
    got, headers, found = fetch(pages.address, path)

    assert (got, headers["content-type"], text in found.decode()) == (status, "text/html; charset=utf-8", True)


async def refused_while_another_runs():
    """Returns the error of an export while another one runs and none may wait."""
    exports, visit = download.Exports(), Visit(Book(None, ()), texts_of("en"), "/loans", {}, {})
    first = asyncio.create_task(exports.file(visit, "loans", "csv"))
    await asyncio.sleep(0)
    with pytest.raises(HttpError) as refused:
        await exports.file(visit, "loans", "csv")
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    exports.close()
    return refused.value


def test_more_exports_than_may_wait_are_refused(monkeypatch):
    async def read(*_):
        await asyncio.Event().wait()

    monkeypatch.setitem(download.REPORTS, "loans", read)
    monkeypatch.setattr(download, "EXPORTS_WAITING_LIMIT", 0)

    assert asyncio.run(refused_while_another_runs()).http_status == 429


@pytest.mark.slow
def test_an_old_report_is_the_same_bytes_after_later_prices_corrections_policies_and_models(tmp_path):
    path, address = tmp_path / "book.db", f"127.0.0.1:{free_port()}"
    server = Server(f"sqlite:///{path}", options=["--http-address", address]).start()
    with connected(server) as client:
        client.covered_loan()
        for number, name in enumerate(HOSTILE):
            if name.isprintable():
                loan = loan_pb2.Loan(
                    borrower=name, currency_code="CNY", principal=money("5", "CNY"), balance_date=calendar(FIRST_DAY)
                )
                client.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id=f"loan-hostile-{number}"))
        client.owe("990000")
        sequence = client.reports.GenerateBreachReport(report_pb2.GenerateBreachReportRequest()).sequence
        before = set(children_of(server.process.pid))
        old = {one: fetch(address, f"{one}?as_of={sequence}&state=all")[2] for one in OLD}

        (writer,) = set(children_of(server.process.pid)) - before
        client.quote("9000", FIRST_DAY)  # a correction
        client.advance(FIRST_DAY + timedelta(days=3))
        client.quote("7000", FIRST_DAY + timedelta(days=3))
        client.change_classes("other", added=["inventory.other"])
        client.owe("10")
        new = {one: fetch(address, f"{one}?state=all")[2] for one in OLD if one.endswith(".csv")}
    server.stop()
    with sqlite3.connect(path) as book:  # values of another model, as before an upgrade
        book.execute("UPDATE haircut_curve SET model = 'pooled-scale/1'")
    server.start()
    with connected(server) as client:
        runs = revaluation_pb2_grpc.RevaluationServiceStub(client.channel)
        begun = runs.StartRevaluation(revaluation_pb2.StartRevaluationRequest(accept_models=True))
        done = revaluation_pb2.REVALUATION_STATE_PUBLISHED
        wait_until(lambda: runs.GetRevaluation(revaluation_pb2.GetRevaluationRequest(name=begun.name)).state == done)
        again = {one: fetch(address, f"{one}?as_of={sequence}&state=all")[2] for one in OLD}
    server.stop()

    assert [one for one in OLD if old[one] != again[one]] == []
    assert [one for one in new if old[one] == new[one]] == []
    assert b"'=HYPERLINK" in old["/loans.csv"]
    assert not Path(f"/proc/{writer}").exists(), "the process that wrote the files ends with the server"
