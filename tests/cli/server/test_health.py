"""``collateral health`` for probes of containers and scripts, and the wait for a server that starts."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health as grpc_health, health_pb2, health_pb2_grpc

from collateral_registry.cli.server.health import wait_until_serving
from tests.support.server import free_port

pytestmark = pytest.mark.slow

COLLATERAL = str(Path(sys.executable).parent / "collateral")
STATES = health_pb2.HealthCheckResponse


def health(address):
    """Runs the command."""
    command = [COLLATERAL, "health", "--server", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def starting() -> Iterator[tuple[str, grpc_health.HealthServicer]]:
    """A server that answers but is not ready."""
    server, states = grpc.server(ThreadPoolExecutor(2)), grpc_health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    states.set("", STATES.NOT_SERVING)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", states
    server.stop(None)


def test_health_has_the_exit_code_0_for_a_serving_server_and_1_where_none_answers(server):
    serving, absent = health(server.address), health(f"127.0.0.1:{free_port()}")

    assert (serving.returncode, absent.returncode) == (0, 1)
    assert serving.stdout == f"{server.address} is serving\n"
    assert "does not answer" in absent.stderr


def test_a_server_that_answers_is_waited_for_until_it_is_serving(starting):
    address, states = starting
    timer = threading.Timer(0.5, states.set, ("", STATES.SERVING))
    timer.start()

    assert wait_until_serving(address, 30.0, lambda: True)
    assert timer.finished.is_set()


def test_the_wait_ends_with_the_process_or_with_its_time(starting):
    address, _ = starting

    assert not wait_until_serving(address, 0.3, lambda: True)
    assert not wait_until_serving(address, 300.0, lambda: False)
