"""Checks the health of a server."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from collateral_partner.access.connection import current_connection
from collateral_partner.channel import channel_to
from collateral_registry.cli.common.client import EXIT_USAGE, os_error_text, print_error, print_line

EXIT_NOT_SERVING = 1
CHECK_SECONDS = 5.0
START_CHECK_SECONDS = 1.0
PAUSE_SECONDS = 0.1


def is_serving(server: str, seconds: float) -> bool | None:
    """Returns whether a server reports SERVING; None if it does not answer in time.

    Raises ValueError or OSError for unusable credentials.
    """
    with channel_to(server, current_connection(), ()) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.RpcError:
            return None
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def wait_until_serving(server: str, seconds: float, is_running: Callable[[], bool]) -> bool:
    """Waits until a server that starts reports SERVING; returns False if it ends or does not do so in time.

    A starting server answers NOT_SERVING until it can be used.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and is_running():
        if is_serving(server, START_CHECK_SECONDS):
            return True
        time.sleep(PAUSE_SECONDS)
    return False


def check_health(server: str) -> int:
    """Prints whether a server is serving, and returns 0 if it is, otherwise EXIT_NOT_SERVING."""
    try:
        serving = is_serving(server, CHECK_SECONDS)
    except (OSError, ValueError) as error:
        print_error(os_error_text(error) if isinstance(error, OSError) else str(error))
        return EXIT_USAGE
    if serving:
        print_line(f"{server} is serving")
        return 0
    print_error(f"{server} does not answer" if serving is None else f"{server} is not serving: it starts or stops")
    return EXIT_NOT_SERVING
