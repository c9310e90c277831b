"""Invoice feeds while the writer process or the service is killed: nothing acknowledged is lost or booked twice."""

import os
import signal
from contextlib import suppress

import grpc
import pytest

from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from tests.runtime.stock.test_writer_process import writer_of
from tests.support.invoicing import InvoicePush, LedgerClient, invoice_batch
from tests.support.ledgers import LedgerFeed, open_amounts
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow


def test_every_batch_is_booked_once_whichever_process_is_killed_while_it_is_sent(sqlite_url):
    server = Server(sqlite_url).start()
    sequence = 0
    for turn in range(2):
        with connected(server) as client:
            push = InvoicePush(client)
            sequence = push.hear().opened.last_sequence
            assert sequence >= turn
            push.send(*(invoice_batch(number, (f"A-{number}", 100 * number)) for number in range(1, sequence + 4)))
            if turn % 2:
                os.kill(writer_of(server), signal.SIGKILL)
                _until_it_breaks(push)
                continue
            assert push.hear().acknowledged.sequence == 1
            while push.hear().acknowledged.sequence < sequence + 1:
                pass
            server.stop(signal.SIGKILL)
        server = Server(sqlite_url).start()
    with connected(server) as client:
        durable = InvoicePush(client).hear().opened.last_sequence
        booked = LedgerClient(client).entries()
    server.stop()
    database = Database(sqlite_url, wall_clock)
    ledger = LedgerFeed(database).ledger()
    database.close()

    assert durable >= sequence
    assert sorted(one.sequence for one in booked) == list(range(1, durable + 1))
    assert open_amounts(ledger) == {f"A-{number}": 100 * number for number in range(1, durable + 1)}


def _until_it_breaks(push):
    """Reads the answers of a stream until it ends, with an error or without."""
    push.close_sending()
    with suppress(grpc.RpcError):
        for _ in push.answers:
            pass
