"""No acknowledged item is lost or booked twice when the writer process or its service dies."""

import os
import pickle
import signal
import struct
import time
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import grpc
import pytest

from benchmarks.measured import children_of
from collateral_registry.clock import wall_clock
from collateral_registry.domain.shared.errors import (
    AlreadyExists,
    Busy,
    DomainError,
    EtagMismatch,
    InvalidInput,
    LimitReached,
    NotFound,
    NotPermitted,
    Overdue,
    Refused,
    RequestIdReused,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
)
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import stock_ledger_pb2 as ledger
from tests.support.postgres import wait_until
from tests.support.pushing import Push, batch, receipt
from tests.support.server import Client, Server, connected

pytestmark = pytest.mark.slow

ANSWER_BYTES = 1 << 20

SETTLED_SECONDS = 0.3
"""Time in which a sent message reaches its queue."""

ERRORS = [
    NotFound("assets/a"),
    AlreadyExists("lot L-1", "assets/a"),
    EtagMismatch("assets/a", "1", "2"),
    RequestIdReused("r-1"),
    Refused("SEQUENCE_REUSED", "sequence: 3 is durable with other content", sequence="3"),
    Unauthenticated("no token"),
    NotPermitted("warehouse W-1 is not yours", warehouse="W-1"),
    StoreUnavailable("the database cannot be used now"),
    Busy("all workers are busy"),
    LimitReached("TOO_MANY_CALLS", "too many calls", 0.5, limit="model_calls_limit"),
    Overdue("the fit took too long"),
    TooLarge("the computation needs more memory"),
]


def writer_of(server: Server) -> int:
    """Returns the writer process, which is not the only child: the standard library's resource tracker is another."""
    assert server.process is not None
    (found,) = (one for one in children_of(server.process.pid) if "resource_tracker" not in _command(one))
    return found


def runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def booked(client: Client) -> list[str]:
    """Returns the lots of the book with their quantities."""
    return [
        f"{one.lot} {one.quantity.value}"
        for one in client.ledger.ListStockLots(ledger.ListStockLotsRequest()).stock_lots
    ]


def _command(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")


def test_a_stream_ends_when_the_process_dies_and_the_next_one_continues(running, blocked_writer):
    with connected(running) as client:
        push = Push(client)
        push.opened()
        push.push(1, receipt("m-1", 5))
        with blocked_writer():
            push.send(batch(2, receipt("m-2", 2)))
            time.sleep(SETTLED_SECONDS)
            os.kill(writer_of(running), signal.SIGKILL)
            died = push.error()
        again = Push(client)
        opened = again.opened()
        taken = again.push(2, receipt("m-2", 2))

        assert died.code() == grpc.StatusCode.UNAVAILABLE
        assert "nothing was acknowledged" in died.details()
        assert opened.last_sequence == 1
        assert (taken.sequence, taken.booked_count, taken.repeated_batch) == (2, 1, False)
        assert booked(client) == ["L-1 7"]
    assert "the stock writer process has died" in running.said


def test_the_next_process_does_the_work_that_was_queued_when_one_died(running, blocked_writer):
    with connected(running) as client:
        first, second = Push(client, "acme"), Push(client, "beta")
        first.opened(), second.opened()
        with blocked_writer():
            first.send(batch(1, receipt("m-1", 5)))
            time.sleep(SETTLED_SECONDS)
            opening = [Push(client, f"feed-{number}") for number in range(3)]
            time.sleep(SETTLED_SECONDS)
            second.send(batch(1, receipt("n-1", 1, lot="L-2")))
            time.sleep(SETTLED_SECONDS)
            opening[-1].leave()
            time.sleep(SETTLED_SECONDS)
            os.kill(writer_of(running), signal.SIGKILL)
            died = first.error()

        assert died.code() == grpc.StatusCode.UNAVAILABLE
        assert [push.opened().last_sequence for push in opening[:-1]] == [0, 0]
        assert second.hear().acknowledged.booked_count == 1


def long_answer(_database: Database) -> bytes:
    """Returns an answer that is longer than the buffer of a pipe."""
    return b"x" * ANSWER_BYTES


def test_a_process_killed_while_it_writes_a_long_answer_is_replaced(sqlite_url, monkeypatch):
    service = os.getpid()
    send_bytes = vars(Connection)["_send_bytes"]

    def killed_half_way(connection, answer):
        if os.getpid() == service:
            send_bytes(connection, answer)
            return
        os.write(connection.fileno(), struct.pack("!i", len(answer)))
        os.write(connection.fileno(), answer[: len(answer) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(Connection, "_send_bytes", killed_half_way)
    with closing(IntakeProcess(sqlite_url, wall_clock)) as intake:
        with pytest.raises(StoreUnavailable, match="nothing was acknowledged"):
            intake.submit(long_answer).result(timeout=60)

        assert len(intake.submit(long_answer).result(timeout=60)) == ANSWER_BYTES


def test_a_clean_stop_leaves_a_single_sqlite_file(sqlite_url):
    server = Server(sqlite_url).start()
    with connected(server) as client:
        push = Push(client)
        push.opened()
        push.push(1, receipt("m-1", 5))
    server.stop()

    assert not list(sqlite_file(sqlite_url).parent.glob("*-wal"))


def test_a_stop_signal_to_the_writer_process_does_not_prevent_acknowledgements(running):
    writer = writer_of(running)
    with connected(running) as client:
        push = Push(client)
        push.opened()
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(writer, number)

        assert push.push(1, receipt("m-1", 5)).booked_count == 1
    running.stop()
    wait_until(lambda: not runs(writer))


def test_the_process_ends_with_a_killed_service_and_the_next_service_starts_at_once(running, database_url):
    writer = writer_of(running)
    with connected(running) as client:
        push = Push(client)
        push.opened()
        push.push(1, receipt("m-1", 5))
    running.stop(signal.SIGKILL)
    next_one = Server(database_url).start()
    try:
        with connected(next_one) as client:
            assert Push(client).opened().last_sequence == 1
            assert booked(client) == ["L-1 5"]
        wait_until(lambda: not runs(writer))
    finally:
        next_one.stop()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_crosses_the_process_boundary_unchanged(error: DomainError):
    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes made in this line

    assert type(other) is type(error)
    assert (str(other), other.reason, other.facts) == (str(error), error.reason, error.facts)


def test_every_kind_of_error_is_tested():
    assert {type(error) for error in ERRORS} == set(DomainError.__subclasses__())


def test_invalid_input_crosses_the_process_boundary_with_its_field_and_rule():
    error = InvalidInput("haircut", 1.2, "0 to 1")
    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes made in this line

    assert (other.field, other.got, other.want, str(other)) == ("haircut", "1.2", "0 to 1", str(error))
