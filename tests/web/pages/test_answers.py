"""What pages answer: headers, languages, errors, and changes."""

import gzip
import re
import time
from http.client import HTTPConnection

import pytest

from collateral_registry.v1 import loan_pb2
from tests.support.server import FIRST_DAY, Server, calendar, free_port, money
from tests.web.conftest import Web

HOSTILE = "<script>alert('1')</script> \"&\" 铜业"
POLICY = "default-src 'none'"
ADDRESSES = [
    *("/", "/loans", "/breaches", "/assets", "/prices", "/reports", "/reports/differences", "/status"),
    *("/nowhere", "/favicon.ico"),
]


def ask(web, path, verb="GET", body=None, **headers):
    """Returns the status, the headers and the text at a path."""
    connection = HTTPConnection(web.address, timeout=60)
    try:
        connection.request(verb, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        if answer.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        return answer.status, answer.headers, content.decode()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_answer_forbids_what_it_does_not_need(web, path):
    _, headers, text = ask(web, path)

    assert headers["content-security-policy"].startswith(POLICY)
    assert headers["x-content-type-options"] == "nosniff"
    assert path == "/favicon.ico" or (headers["cache-control"] == "no-store" and "<html" in text)


def test_an_empty_book_says_how_to_fill_it(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", options=["--http-address", address]).start()
    text = ask(Web(server, None, address), "/")[2]
    server.stop()

    assert "The book holds no loans yet." in text


def test_the_language_is_that_of_the_browser_until_the_switch_sets_it(web):
    chinese, english = ">总览<", ">Overview<"

    assert chinese in ask(web, "/", accept_language="zh-CN,en;q=0.5")[2]
    _, headers, text = ask(web, "/?lang=zh")
    assert chinese in text
    assert chinese in ask(web, "/", cookie=headers.get_all("set-cookie")[-1].partition(";")[0])[2]
    assert english in ask(web, "/?lang=nonsense")[2]


def test_static_files_are_kept_and_those_of_another_version_are_not_found(web):
    (style,) = re.findall(r'href="(/static/[^"]+css)"', ask(web, "/")[2])
    status, headers, _ = ask(web, style, accept_encoding="gzip")

    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert ask(web, "/static/0123456789abcdef/style.css")[0] == 404
    assert ask(web, f"{style.rpartition('/')[0]}/../../app.py")[0] == 404


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/loans/none", 404, "loans/none does not exist"),
        ("/assets/none", 404, "assets/none does not exist"),
        ("/prices/none", 404, "priceSeries/none does not exist"),
        ("/loans?filter=ship%3D1", 400, "want a field: loan, borrower"),
        ("/loans?page_token=x", 400, "page_token: got"),
        ("/?as_of=yesterday", 400, "as_of: got &#39;yesterday&#39;, want a date such as 2022-07-01"),
        ("/?as_of=2022-02-30", 400, "want a date"),
        ("/loans/%3Cscript%3E", 400, "&lt;script&gt;"),
        ("/events?after=x", 400, "want the number of an event"),
    ],
)
def test_an_error_is_a_page_with_the_reason(web, path, status, text):
    got, _, found = ask(web, path)

    assert (got, text in found, "<script>" in found) == (status, True, False), found


@pytest.mark.parametrize(
    "path", ["//other.example/loans", "///other.example", "/%5Cother.example", "/%09/other.example"]
)
def test_the_page_of_an_error_links_to_this_service_only(web, path):
    status, _, text = ask(web, path)

    assert status == 404
    assert [link for link in re.findall(r'href="([^"]*)"', text) if not re.match(r"/(?![/\\\s])|#", link)] == []


def test_a_request_that_names_another_host_is_refused(web):
    assert ask(web, "/", host="evil.example")[0] == 403


def test_a_page_is_not_changed_by_another_verb(web):
    assert ask(web, "/loans", "POST", "")[0] == 405
    assert ask(web, "/loans/a/breaches/1/acknowledge")[0] == 405


def test_the_names_of_borrowers_are_texts(web):
    loan = loan_pb2.Loan(borrower=HOSTILE, currency_code="USD", principal=money("5"), balance_date=calendar(FIRST_DAY))
    web.client.loans.CreateLoan(loan_pb2.CreateLoanRequest(loan=loan, loan_id="loan-hostile"))

    for path in ("/", "/loans", "/loans/loan-hostile", "/loans?q=%3Cscript%3E", "/status"):
        text = ask(web, path)[2]
        assert "<script>alert" not in text, path
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &#34;&amp;&#34; 铜业" in ask(web, "/loans/loan-hostile")[2]


@pytest.mark.slow
def test_a_stream_ends_at_once_when_the_server_stops(sqlite_url):
    from tests.support.server import Server, free_port

    address = f"127.0.0.1:{free_port()}"
    server = Server(sqlite_url, options=["--http-address", address]).start()
    connection = HTTPConnection(address, timeout=20)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.readline() == b"retry: 5000\n"
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 4
    assert answer.read() == b"\n"
