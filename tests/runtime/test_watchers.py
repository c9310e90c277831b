"""Watchers of several server processes on one book get every event once, and their number is bounded."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_status import rpc_status
from prometheus_client.parser import text_string_to_metric_families

from collateral_registry.v1 import breach_pb2
from tests.support.http import get_text
from tests.support.postgres import wait_until
from tests.support.server import Client, Server, connected, free_port

LOANS = 4
CHANGES = 6
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


class Watcher(threading.Thread):
    """Reads a watch on a connection of its own until it is cancelled."""

    def __init__(self, address: str, after: int, loan: str = "") -> None:
        super().__init__(daemon=True)
        self.after = after
        self.channel = grpc.insecure_channel(address, OWN_CONNECTION)
        request = breach_pb2.WatchBreachesRequest(after_sequence=after, loan=loan)
        self.stream = Client(self.channel).breaches.WatchBreaches(request)
        self.events = list(next(self.stream).events)
        self.start()

    def run(self) -> None:
        with suppress(grpc.RpcError):
            for response in self.stream:
                self.events += response.events

    def end(self) -> list[breach_pb2.BreachEvent]:
        self.stream.cancel()
        self.join(20)
        self.channel.close()
        return self.events

    @property
    def newest(self) -> int:
        """Number of the newest event that has arrived."""
        return self.events[-1].sequence if self.events else 0


@pytest.mark.slow
def test_watchers_of_several_processes_get_every_event_once(cluster, prepared_database):
    """Changes are made by whichever process a connection reaches, and watchers start before, between and after."""
    server = Server(cluster.copy_database(prepared_database), processes=2).start()
    channels = [grpc.insecure_channel(server.address, OWN_CONNECTION) for _ in range(4)]
    clients = [Client(channel) for channel in channels]
    clients[0].open_copper()
    clients[0].quote_history()
    for number in range(LOANS):
        clients[0].register_lot(f"lot-{number}")
        clients[0].register_loan(f"loan-{number}")
        clients[0].pledge(f"loan-{number}", f"lot-{number}")
    watchers = [Watcher(server.address, 0) for _ in range(6)]
    for change in range(CHANGES):
        for number in range(LOANS):
            clients[(change + number) % 4].owe("500000" if change % 2 else "900000", f"loan-{number}")
        watchers.append(Watcher(server.address, 3 * change))
    newest = Watcher(server.address, 0)
    of_loan = Watcher(server.address, 0, f"loans/loan-{LOANS - 1}")  # of which the last event is
    watchers += [newest, Watcher(server.address, newest.newest - 1)]
    wait_until(lambda: {one.newest for one in [*watchers, of_loan]} == {newest.newest})
    found, found_of_loan = [watcher.end() for watcher in watchers], of_loan.end()
    for channel in channels:
        channel.close()
    code = server.stop()

    assert newest.newest >= LOANS * CHANGES
    for watcher, events in zip(watchers, found, strict=True):
        assert [event.sequence for event in events] == list(range(watcher.after + 1, newest.newest + 1))
    assert found_of_loan == [event for event in newest.events if event.loan == f"loans/loan-{LOANS - 1}"]
    assert code == 0


@pytest.fixture
def bounded(tmp_path) -> Iterator[tuple[Client, str]]:
    """A client of a server that permits two watchers, and the address of its metrics."""
    address = f"127.0.0.1:{free_port()}"
    environment = {"COLLATERAL_WATCHERS_LIMIT": "2", "COLLATERAL_METRICS_ADDRESS": address}
    server = Server(f"sqlite:///{tmp_path / 'book.db'}", environment=environment).start()
    with connected(server) as client:
        yield client, address
    server.stop()


def metric(address: str, name: str) -> float:
    """Returns the sum of a metric over its labels."""
    families = text_string_to_metric_families(get_text(address, "/metrics")[2])
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def test_watchers_beyond_the_limit_are_refused_until_one_is_closed(bounded):
    client, address = bounded
    request = breach_pb2.WatchBreachesRequest()
    streams = [client.breaches.WatchBreaches(request) for _ in range(2)]
    for stream in streams:
        next(stream)
    assert metric(address, "collateral_watchers") == 2
    with pytest.raises(grpc.RpcError) as refused:
        next(client.breaches.WatchBreaches(request))
    streams[0].cancel()
    wait_until(lambda: metric(address, "collateral_watchers") == 1)
    next(client.breaches.WatchBreaches(request))

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert RetryInfo.DESCRIPTOR.full_name in [one.TypeName() for one in rpc_status.from_call(refused.value).details]
    assert metric(address, "collateral_watchers_refused_total") == 1
