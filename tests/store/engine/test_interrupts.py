"""A read is stopped at any moment: before it begins, within a statement, and between two of them."""

import time
from threading import Event, Thread

import pytest
from sqlalchemy import Connection, text

from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.interrupts import Interrupt, Interrupted

ENDLESS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) SELECT max(i) FROM n"
)


def test_a_statement_that_begins_after_the_request_is_stopped(empty_book: Database) -> None:
    interrupt, has_begun = Interrupt(), Event()

    def request() -> None:
        has_begun.wait()
        interrupt.request()

    requesting = Thread(target=request)
    requesting.start()

    def late(connection: Connection) -> None:
        has_begun.set()
        time.sleep(0.2)  # the statement begins after the request
        connection.execute(ENDLESS)

    with empty_book.read(interrupt) as connection, pytest.raises(Exception, match=r"interrupt|cancel"):
        late(connection)
    requesting.join(1)
    assert not requesting.is_alive()


def test_a_read_that_begins_after_the_request_fails(empty_book: Database) -> None:
    interrupt = Interrupt()
    interrupt.request()

    with pytest.raises(Interrupted), empty_book.read(interrupt):
        pass
