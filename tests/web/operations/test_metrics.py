"""Metrics are named as on their page, and a scrape parses in both formats, at each process of a service."""

import re
import socket
from collections.abc import Iterator

import grpc
import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_of
from prometheus_client.parser import text_string_to_metric_families as metrics_of

from collateral_registry import metrics
from collateral_registry.config import Settings
from collateral_registry.v1 import loan_pb2
from collateral_registry.web.operations.server import operations_app
from tests.support.http import get_text
from tests.support.postgres import wait_until
from tests.support.server import Client, Server, free_port, repository

ROW = re.compile(r"^\| `(?P<name>[a-z_]+)` \| (?P<kind>\w+) \|(?P<labels>[^|]*)\|", re.MULTILINE)


def test_the_page_and_the_registry_name_the_same_metrics_types_and_labels():
    page = (repository() / "docs" / "metrics.md").read_text(encoding="utf-8")
    described = {
        row["name"].removesuffix("_total"): (row["kind"], tuple(re.findall(r"`(\w+)`", row["labels"])))
        for row in ROW.finditer(page)
    }
    collectors = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    families = [(next(iter(one.describe())), vars(one)["_labelnames"]) for one in collectors]
    registered = {family.name: (family.type, labels) for family, labels in families}

    assert described == registered


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with metrics."""
    address = f"127.0.0.1:{free_port()}"
    url = f"sqlite:///{tmp_path_factory.mktemp('watched') / 'book.db'}"
    server = Server(url, options=["--metrics-address", address]).start()
    yield server, address
    server.stop()


def test_a_scrape_parses_as_text_and_as_open_metrics(watched):
    _, address = watched
    _, kind, text = get_text(address, "/metrics")
    _, open_kind, open_text = get_text(address, "/metrics", "application/openmetrics-text; version=1.0.0")

    assert kind.startswith("text/plain")
    assert open_kind.startswith("application/openmetrics-text")
    assert {one.name for one in metrics_of(text)} == {one.name for one in open_metrics_of(open_text)}


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("[::1]:50081", 200), ("rebound.example", 403), ("10.0.0.1:50081", 403), ("localhost.x", 403)],
)
def test_at_a_loopback_address_no_page_of_another_site_can_read(watched, path, host, status):
    _, address = watched
    found, _, text = get_text(address, path, host=host)

    assert found == status
    assert status == 200 or text == "Host: want localhost or a loopback address\n"


@pytest.mark.parametrize(("address", "checked"), [("[::1]:50081", 1), ("10.0.0.1:50081", 0), ("0.0.0.0:50081", 0)])
def test_the_host_is_checked_where_only_this_machine_can_connect(address, checked):
    assert len(operations_app(address, []).user_middleware) == checked


def test_each_process_has_the_port_after_the_last():
    several = Settings(metrics_address="[::1]:50081")

    assert [several.metrics_address_of(process) for process in range(2)] == ["[::1]:50081", "[::1]:50082"]
    assert Settings(metrics_address="127.0.0.1:0").metrics_address_of(3) == "127.0.0.1:0"
    assert Settings().metrics_address_of(1) == ""


@pytest.mark.slow
def test_each_process_of_a_service_counts_its_own_calls_and_shows_the_same_book(cluster, prepared_database):
    first = free_port()
    while not is_free(first + 1):
        first = free_port()
    addresses = [f"127.0.0.1:{first + process}" for process in range(2)]
    options = ["--metrics-address", addresses[0]]
    server = Server(cluster.copy_database(prepared_database), processes=2, options=options).start()
    wait_until(lambda: all(map(is_listening, addresses)))
    for _ in range(20):  # each connection reaches one of the processes
        with grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            Client(channel).loans.ListLoans(loan_pb2.ListLoansRequest())
    found = [samples(get_text(address, "/metrics")[2]) for address in addresses]
    code = server.stop()

    listed = [
        sum(one for key, one in each.items() if key[0] == "grpc_server_handled_total" and "ListLoans" in key)
        for each in found
    ]
    assert sum(listed) == 20
    assert min(listed) > 0
    assert {each["collateral_book_commit_sequence", ""] for each in found} == {1}
    assert code == 0


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Returns the samples of a scrape by name and values of labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value for family in metrics_of(text) for sample in family.samples
    }


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def is_listening(address: str) -> bool:
    return not is_free(int(address.rpartition(":")[2]))
