"""The business date of a server: far dates are refused, the mode is kept, and an operator repairs a wrong date."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from functools import partial

import grpc
import pytest
from google.type.date_pb2 import Date
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_registry.rpc.server import DATE_SERVICE
from collateral_registry.v1 import business_date_pb2
from tests.support.launch import run
from tests.support.postgres import wait_until
from tests.support.server import FIRST_DAY, Server, calendar, connected, details_of

pytestmark = pytest.mark.slow
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
FAR = Date(year=9999, month=12, day=31)


def dated(client):
    return client.dates.GetBusinessDate(business_date_pb2.GetBusinessDateRequest())


def repair(server, *arguments):
    by = ("--actor", "R. Rossi", "--reason", "typing error")
    return run("business-date", "repair", "--database", server.url, *by, *arguments)


def test_a_far_date_is_refused_and_a_meant_one_is_repaired_by_an_operator(server):
    with connected(server) as client:
        client.covered_loan()
        before = client.loan().cover
        request = business_date_pb2.AdvanceBusinessDateRequest(date=FAR)
        with pytest.raises(grpc.RpcError) as refused:
            client.dates.AdvanceBusinessDate(request)
        request.allow_jump = True
        request.date.year = 2150
        client.dates.AdvanceBusinessDate(request)
    running = repair(server, "--to", FIRST_DAY.isoformat())
    server.stop()
    checked = repair(server, "--to", FIRST_DAY.isoformat(), "--check")
    too_early = repair(server, "--to", "2021-12-30")
    repaired = repair(server, "--to", FIRST_DAY.isoformat())
    server.start()
    with connected(server) as client:
        wait_until(partial(is_judged_on_the_first_day, client))
        after = client.loan().cover
        assert dated(client).date == calendar(FIRST_DAY)
        assert not dated(client).follows_clock

    assert details_of(refused.value)[0].reason == "DATE_TOO_FAR"
    assert (running.returncode, too_early.returncode) == (5, 2)
    assert "DATABASE" in running.stderr or "in use" in running.stderr
    assert "checked only" in checked.stdout
    assert repaired.stdout.startswith(f"business date 2150-12-31 -> {FIRST_DAY} by commit")
    assert (after.level, after.coverage, after.lendable_value) == (before.level, before.coverage, before.lendable_value)


def test_a_book_of_the_past_keeps_its_date_when_it_is_started_without_one(server):
    server.stop()
    server.business_date = ""
    server.start()
    with connected(server) as client:
        state = dated(client)

    assert (state.date, state.follows_clock) == (calendar(FIRST_DAY), False)


def test_a_clock_far_from_the_book_holds_the_date_and_is_logged_once(tmp_path):
    """The book is moved away from the clock in its file, as if the clock had been wrong."""
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", business_date="wall")
    server.environment = {"COLLATERAL_DATE_CHECK_SECONDS": "0.05"}
    server.start()
    server.stop()
    today = datetime.now(UTC).date()
    for days, sentence in ((-400, "--allow-jump"), (400, "business-date repair")):
        set_date(tmp_path / "book.db", today + timedelta(days=days))
        seen = len(server.said)
        server.start()
        wait_until(partial(says, server, seen, sentence))
        with connected(server) as client:
            wait_until(partial(is_held, client))
            assert health_of(client, "") == SERVING
            assert dated(client).date == calendar(today + timedelta(days=days))
        server.stop()
        lines = [line for line in server.said[seen:].splitlines() if "the business date was not moved" in line]
        assert len(lines) == 1
        assert "Traceback" not in server.said

    set_date(tmp_path / "book.db", today - timedelta(days=400))
    server.options = ["--allow-jump"]
    server.start()
    with connected(server) as client:
        wait_until(partial(is_dated, client, today))
    server.stop()


def says(server, seen, sentence):
    """Returns whether the server has written a sentence after a place of its output."""
    return sentence in server.said[seen:]


def is_held(client):
    """Returns whether the health states that the business date does not follow the clock."""
    return health_of(client, DATE_SERVICE) == NOT_SERVING


def is_dated(client, day):
    """Returns whether the book has a business date."""
    return dated(client).date == calendar(day)


def is_judged_on_the_first_day(client):
    """Returns whether the loan is judged for the first business date."""
    return client.loan().cover.market_date == calendar(FIRST_DAY)


def set_date(path, day):
    with sqlite3.connect(path) as book:
        book.execute("UPDATE commit_log SET market_day = ?", ((day - date(1970, 1, 1)).days,))


def health_of(client, service):
    stub = health_pb2_grpc.HealthStub(client.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service)).status
