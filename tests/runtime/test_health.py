"""Readiness follows the database, the stock writer process and the business date, over gRPC and over HTTP."""

import json
import os
import signal
import tempfile
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.measured import children_of
from collateral_registry.runtime.health import Health, Part
from tests.support.postgres import WITHOUT_DURABILITY, Cluster, wait_until
from tests.support.server import Server, free_port

SECONDS = 30


class Observed:
    """A server with its metrics address."""

    def __init__(self, url):
        self.address = f"127.0.0.1:{free_port()}"
        self.server = Server(url, options=["--metrics-address", self.address]).start()

    def ready(self):
        """Returns the status of /readyz and the causes of parts that are not ready."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5) as answer:
                status, body = answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            status, body = error.code, json.load(error)
        return status, {name: part["cause"] for name, part in body["parts"].items() if not part["ready"]}

    def serving(self, service=""):
        with grpc.insecure_channel(self.server.address) as channel:
            request = health_pb2.HealthCheckRequest(service=service)
            status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status
        return status == health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def own_cluster():
    """A PostgreSQL cluster that a test may stop; its path is short, because it holds a socket."""
    cluster = Cluster(Path(tempfile.gettempdir()) / f"health-{uuid.uuid4().hex[:12]}", WITHOUT_DURABILITY)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.mark.slow
def test_readiness_falls_when_the_database_goes_and_returns_with_it(own_cluster):
    observed = Observed(own_cluster.new_database())
    try:
        assert (observed.ready(), observed.serving()) == ((200, {}), True)

        own_cluster.halt()
        wait_until(lambda: not observed.serving(), SECONDS)
        status, causes = observed.ready()
        assert (status, list(causes)) == (503, ["database"])
        with urllib.request.urlopen(f"http://{observed.address}/healthz", timeout=5) as answer:
            assert answer.status == 200

        own_cluster.start_again()
        wait_until(observed.serving, SECONDS)
        assert observed.ready() == (200, {})
    finally:
        observed.server.stop()


@pytest.mark.slow
def test_a_stock_writer_process_that_died_is_replaced_before_it_is_needed(sqlite_url):
    observed = Observed(sqlite_url)
    try:
        before = set(children_of(observed.server.process.pid))
        for child in before:
            os.kill(child, signal.SIGKILL)

        wait_until(lambda: set(children_of(observed.server.process.pid)) - before and observed.serving(), SECONDS)
        assert observed.ready() == (200, {})
    finally:
        observed.server.stop()


@pytest.mark.slow
def test_a_book_whose_file_is_gone_is_not_ready(sqlite_url, tmp_path):
    observed = Observed(sqlite_url)
    try:
        (tmp_path / "book.db").rename(tmp_path / "moved.db")

        wait_until(lambda: not observed.serving(), SECONDS)
        status, causes = observed.ready()
        assert status == 503
        assert "deleted, moved or replaced" in causes["database"]
        assert not (tmp_path / "book.db").exists()
    finally:
        observed.server.stop()


def test_a_business_date_that_stands_still_is_reported_and_stops_no_call():
    health = Health()
    health.report(Part.SERVER, "")

    health.report(Part.CLOCK, "the clock is behind")

    assert health.is_ready
    assert health.causes == {Part.CLOCK: "the clock is behind"}


def test_any_other_part_that_is_not_ready_makes_the_server_not_ready():
    for part in set(Part) - {Part.CLOCK, Part.SERVER}:
        health = Health()
        health.report(Part.SERVER, "")
        health.report(part, "why")
        assert not health.is_ready
        health.report(part, "")
        assert health.is_ready


def test_a_server_that_has_not_started_is_not_ready():
    assert not Health().is_ready
