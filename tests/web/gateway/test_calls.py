"""Calls over HTTP/JSON have the answers and errors of gRPC."""

import json
import re
import socket
import threading
import time
from http.client import HTTPConnection

import grpc
import pytest

from collateral_registry.web.gateway.app import CALLS_LIMIT
from collateral_registry.web.gateway.errors import HTTP_STATUS
from tests.support.http import post, request

DATE = "BusinessDateService/GetBusinessDate"
DAY = {"year": 2021, "month": 12, "day": 31}
LOAN = {"borrower": "Acme", "currency_code": "USD", "balance_date": DAY}


def test_a_call_has_the_answer_of_grpc(web):
    created = post(web.address, "LoanService/CreateLoan", {"loan": LOAN, "loan_id": "http-1"})
    found = post(web.address, "LoanService/GetLoan", {"name": "loans/http-1"})

    assert created.status == found.status == 200
    assert found.document["borrower"] == "Acme"
    assert found.document["state"] == "LOAN_STATE_ACTIVE"
    assert found.headers["content-type"] == "application/json"
    assert found.headers["cache-control"] == "no-store"


def test_a_call_with_two_tokens_is_refused_as_over_grpc(web):
    connection = HTTPConnection(web.address, timeout=60)
    connection.putrequest("POST", f"/v1/{DATE}")
    for name, value in [("content-type", "application/json"), *[("authorization", f"Bearer {n}") for n in range(2)]]:
        connection.putheader(name, value)
    connection.putheader("content-length", "2")
    connection.endheaders(b"{}")
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 400


def test_every_code_has_an_http_status():
    assert HTTP_STATUS.keys() == set(grpc.StatusCode) - {grpc.StatusCode.OK}
    assert all(status >= 400 for status in HTTP_STATUS.values())


@pytest.mark.parametrize(
    ("method", "document", "status", "reason", "fields"),
    [
        ("LoanService/GetLoan", {"name": "loans/none"}, 404, "NOT_FOUND", []),
        ("LoanService/GetLoan", {"name": "none"}, 400, "INVALID_INPUT", ["name"]),
        ("LoanService/GetLoan", {"nam": "loans/none"}, 400, "INVALID_INPUT", ["nam"]),
        ("LoanService/CreateLoan", {"loan": {**LOAN, "borrower": 5}}, 400, "INVALID_INPUT", ["loan.borrower"]),
        ("LoanService/CreateLoan", {"loan": LOAN}, 400, "INVALID_INPUT", ["loan_id"]),
        ("LoanService/GetLoan", "{", 400, "MALFORMED_JSON", []),
        ("LoanService/GetNothing", {}, 404, "UNKNOWN_METHOD", []),
        ("NoService/GetLoan", {}, 404, "UNKNOWN_METHOD", []),
        ("BreachService/WatchBreaches", {}, 501, "STREAMING_METHOD", []),
        ("StockService/PushStock", {}, 501, "STREAMING_METHOD", []),
        ("LoanService/GetLoan/x", {}, 404, "UNKNOWN_PATH", []),
        ("LoanService/GetLoan/", {}, 404, "UNKNOWN_PATH", []),
    ],
)
def test_an_error_is_a_google_rpc_status_with_one_reason(web, method, document, status, reason, fields):
    answer = post(web.address, method, document)

    assert (answer.status, answer.reason, answer.fields) == (status, reason, fields)
    assert answer.document["error"]["code"] == status
    assert answer.document["error"]["message"]


@pytest.mark.parametrize(
    ("method", "nearest"),
    [
        ("AssetService/ListAssetClasses", "PolicyService/ListAssetClasses"),
        ("LoanService/getLoan", "LoanService/GetLoan"),
        ("collateral_registry.v1.LoanService/GetLoan", "LoanService/GetLoan"),
        ("PledgeService/ListPledge", "LoanService/ListPledges"),
    ],
)
def test_an_unknown_method_is_refused_with_the_nearest_one(web, method, nearest):
    answer = post(web.address, method, {})

    assert f"want {nearest}, or another" in answer.document["error"]["message"]


def test_a_repeated_creation_is_a_conflict(web):
    for _ in range(2):
        answer = post(web.address, "LoanService/CreateLoan", {"loan": LOAN, "loan_id": "twice"})

    assert (answer.status, answer.document["error"]["status"]) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"content-type": ""}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "application/json; charset=latin-1"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"host": "collateral.example"}, 403, "HOST_NOT_LOCAL"),
        ({"host": "10.0.0.1:80"}, 403, "HOST_NOT_LOCAL"),
        ({"grpc-timeout": "soon"}, 400, "INVALID_HEADER"),
        ({"x-request-id": "\x80"}, 400, "INVALID_HEADER"),
        ({"grpc-timeout": "1n"}, 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_headers_are_checked(web, headers, status, reason):
    answer = post(web.address, DATE, {}, headers)

    assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize(
    ("host", "charset"),
    [("localhost:1", "UTF-8"), ("127.0.0.1", "utf8"), ("[::1]:80", '"utf-8"'), ("LOCALHOST", "utf-8")],
)
def test_hosts_of_this_machine_and_other_spellings_of_the_content_type_are_accepted(web, host, charset):
    headers = {"host": host, "content-type": f"Application/JSON; charset={charset}", "x-request-id": "r-1"}
    answer = post(web.address, DATE, "", headers)

    assert answer.status == 200
    assert answer.headers["x-request-id"] == "r-1"


@pytest.mark.parametrize(("verb", "path"), [("GET", f"/v1/{DATE}"), ("DELETE", "/v1/openapi.json")])
def test_another_verb_is_refused_with_the_right_one(web, verb, path):
    answer = request(web.address, verb, path, None, {})

    assert (answer.status, answer.reason) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"]


def test_a_page_of_another_site_gets_no_permission(web):
    origin = {"origin": "https://site.example", "access-control-request-method": "POST"}
    answer = request(web.address, "OPTIONS", f"/v1/{DATE}", None, origin)

    assert answer.status == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_body_beyond_the_limit_is_refused(web):
    answer = post(web.address, "PriceService/IngestPrices", b" " * (4 * 1024 * 1024 + 1))

    assert (answer.status, answer.reason) == (413, "BODY_TOO_LARGE")


def test_a_large_request_is_converted_and_answered(web):
    wrong = {"price_series": "priceSeries/none", "date": DAY, "price": {"value": "1"}}
    answer = post(web.address, "PriceService/IngestPrices", {"observations": [wrong] * 5_000})

    assert answer.status == 200
    assert (answer.document["refused_count"], len(answer.document["problems"])) == (5_000, 5_000)


def test_bodies_that_do_not_arrive_keep_out_no_other_call(web):
    host, port = web.address.split(":")
    headers = ("host: localhost", "content-type: application/json", "content-length: 2", "", "{")
    half = "\r\n".join([f"POST /v1/{DATE} HTTP/1.1", *headers]).encode()
    held = [socket.create_connection((host, int(port))) for _ in range(CALLS_LIMIT)]
    for connection in held:
        connection.sendall(half)
    time.sleep(0.3)
    answer = post(web.address, DATE, {})
    for connection in held:
        connection.close()

    assert answer.status == 200


def test_calls_run_at_the_same_time(web):
    found = []
    threads = [threading.Thread(target=lambda: found.append(post(web.address, DATE, {}).status)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [200] * 16


def test_the_descriptor_set_is_served(web):
    connection = HTTPConnection(web.address)
    connection.request("GET", "/v1/descriptors.binpb")
    answer = connection.getresponse()

    assert answer.status == 200
    assert b"collateral_registry/v1/loan.proto" in answer.read()
    connection.close()


def test_texts_are_utf_8(web):
    post(web.address, "LoanService/CreateLoan", {"loan": {**LOAN, "borrower": "江苏铜业"}, "loan_id": "utf-8"})
    connection = HTTPConnection(web.address)
    body = json.dumps({"name": "loans/utf-8"})
    connection.request("POST", "/v1/LoanService/GetLoan", body, {"content-type": "application/json"})

    assert "江苏铜业".encode() in connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_a_malformed_chunk_is_refused_once_and_is_no_fault_of_the_server(web, kind, method):
    first = f"{method} /v1/LoanService/GetLoan HTTP/1.1"
    head = f"{first}\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked"
    logged = len(web.server.said)
    with socket.create_connection(web.address.split(":"), timeout=10) as connection:
        connection.sendall(f"{head}\r\ncontent-type: {kind}\r\n\r\nzz\r\n{{}}".encode())
        with connection.makefile("rb") as answer:
            assert answer.read().startswith(b"HTTP/1.1 400 ")

    post(web.address, "BusinessDateService/GetBusinessDate", {})  # after what the first call logs
    assert not re.search('"level": "(error|critical)"|Traceback|Fatal error', web.server.said[logged:])
