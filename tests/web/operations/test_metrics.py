"""Metrics are named as on their page, and a scrape parses in both formats, at each process of a service."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics_of
from prometheus_client.parser import text_string_to_metric_families as metrics_of

from collateral_registry import metrics
from collateral_registry.config import Settings
from tests.support.http import get_text
from tests.support.server import Server, free_port, repository

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


def test_each_process_has_the_port_after_the_last():
    several = Settings(metrics_address="[::1]:50081")

    assert [several.metrics_address_of(process) for process in range(2)] == ["[::1]:50081", "[::1]:50082"]
    assert Settings(metrics_address="127.0.0.1:0").metrics_address_of(3) == "127.0.0.1:0"
    assert Settings().metrics_address_of(1) == ""
