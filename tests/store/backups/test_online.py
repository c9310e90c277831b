"""A backup of a served book holds everything that was acknowledged before it began, and nothing by halves."""

from contextlib import closing
from threading import Event, Thread

import pytest
from sqlalchemy import text

from collateral_registry.clock import wall_clock
from collateral_registry.store.backups.book import BackupName, back_up, restore
from collateral_registry.store.engine.database import Database
from collateral_registry.v1 import report_pb2
from tests.support.pushing import Push, receipt
from tests.support.server import Server, connected

pytestmark = pytest.mark.slow

ACKNOWLEDGED = 20
"""Writes and batches of stock before the backup begins."""


@pytest.fixture
def new_database(database_url, tmp_path, request):
    """An empty database on the engine of the book."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    cluster = request.getfixturevalue("cluster")
    url = cluster.new_database()
    yield url
    cluster.drop_database(url)


class Writers:
    """Threads that register lots and push stock until they are stopped, and count what is acknowledged."""

    def __init__(self, client):
        self.client = client
        self.lots, self.batches = 0, 0
        self.ready, self._stop = Event(), Event()
        self._threads = [Thread(target=self._register), Thread(target=self._push)]

    def start(self):
        for thread in self._threads:
            thread.start()
        assert self.ready.wait(60)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _register(self):
        while not self._stop.is_set():
            self.client.register_lot(f"new-{self.lots}")
            self.lots += 1

    def _push(self):
        push = Push(self.client)
        push.opened()
        while not self._stop.is_set():
            sequence = self.batches + 1
            push.push(sequence, receipt(f"a-{sequence}", 1), receipt(f"b-{sequence}", 2))
            self.batches = sequence
            if min(self.lots, self.batches) >= ACKNOWLEDGED:
                self.ready.set()
        push.close()


def report_of(client, sequence):
    as_of = report_pb2.AsOf(sequence=sequence)
    return client.reports.GenerateLtvReport(report_pb2.GenerateLtvReportRequest(as_of=as_of))


def test_the_acknowledged_prefix_is_restored_whole(database_url, new_database, tmp_path):
    served = Server(database_url).start()
    try:
        with connected(served) as client:
            client.covered_loan()
            writers = Writers(client)
            writers.start()
            lots, batches = writers.lots, writers.batches
            path, made = back_up(database_url, BackupName(tmp_path / "a", is_folder=False), "1", lambda _: None)
            writers.stop()
            before = report_of(client, made.sequence)
    finally:
        served.stop()
    with closing(Database(new_database, wall_clock)) as database:
        restore(database, path, lambda _: None)
        with database.read() as connection:
            kept = connection.execute(text("SELECT count(*) FROM asset")).scalar_one() - 1
            last = connection.execute(text("SELECT max(last_sequence) FROM stock_source")).scalar_one()
            movements = connection.execute(text("SELECT count(*) FROM stock_movement")).scalar_one()
            booked = connection.execute(text("SELECT sum(quantity) FROM stock_lot")).scalar_one()
    restored = Server(new_database).start()
    try:
        with connected(restored) as client:
            after = report_of(client, made.sequence)
    finally:
        restored.stop()

    assert lots <= kept <= writers.lots
    assert batches <= last <= writers.batches
    assert (movements, booked) == (2 * last, 3_000_000 * last)
    assert after == before
    assert len(after.rows) == 1
