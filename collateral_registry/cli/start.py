"""Starting a server, alone or with the sample book."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from collateral_registry.bootstrap import migrate, serve
from collateral_registry.cli.session import EXIT_REFUSED, EXIT_USAGE, open_channel
from collateral_registry.config import Settings
from collateral_registry.domain.errors import DomainError

HEALTH_WAIT_SECONDS = 30.0
STOP_WAIT_SECONDS = 20.0
SAMPLE_OPENING = "2021-12-31"


def settings_from(address: str, database: str, business_date: str) -> Settings:
    """The settings, with the flags that were given."""
    given = {"address": address, "database_url": database, "business_date": business_date}
    return Settings(**{name: value for name, value in given.items() if value})


def run_server(settings: Settings) -> int:
    """Serves until stopped; returns the exit code."""
    try:
        serve(settings)
    except (DomainError, OSError, ValidationError, ValueError) as error:
        print(f"collateral: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks
        return EXIT_REFUSED if isinstance(error, DomainError | OSError) else EXIT_USAGE
    return 0


def run_migration(settings: Settings) -> int:
    """Migrates; returns the exit code."""
    try:
        before, after = migrate(settings)
    except (DomainError, OSError) as error:
        print(f"collateral: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_REFUSED
    print(f"schema {before or 'empty'} -> {after}")  # noqa: T201
    return 0


def run_with_sample(address: str, database: str, *, sample: bool, stay: bool) -> int:
    """Starts a server in a process of its own, brings the sample on first start, shows the report, waits for Ctrl-C."""
    stopping = _Stop()
    command = [sys.executable, "-m", "collateral_registry", "serve", "--address", address]
    command += ["--database", database] if database else []
    command += ["--business-date", SAMPLE_OPENING] if sample else []
    with subprocess.Popen(command, start_new_session=True) as server:  # noqa: S603 - our own program
        try:
            return _accompany(server, address, stopping, sample=sample, stay=stay)
        finally:
            _stop(server)


class _Stop:
    """Remembers that somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: Any) -> None:  # noqa: ANN401 - a signal handler's arguments
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def _accompany(server: subprocess.Popen[bytes], address: str, stopping: _Stop, *, sample: bool, stay: bool) -> int:
    console = Console()
    if not _wait_for_health(server, address, stopping):
        return server.poll() or EXIT_REFUSED
    with open_channel(address) as channel:
        if sample:
            _show_sample(channel, console)
    console.print(f"gRPC at {address} (health and reflection on); stop with Ctrl-C", highlight=False)
    while stay and not stopping.asked and server.poll() is None:
        time.sleep(0.2)
    return 0 if server.poll() is None else server.returncode


def _show_sample(channel: Any, console: Console) -> None:  # noqa: ANN401 - a channel
    from collateral_registry.cli.report import print_breach_report, print_ltv_report
    from collateral_registry.cli.sample import LAST, load, replay
    from collateral_registry.v1 import business_date_pb2, business_date_pb2_grpc

    stub = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    state = stub.GetBusinessDate(business_date_pb2.GetBusinessDateRequest())
    if state.sequence <= 1:
        console.print("Loading the sample book: invented firms, real prices (see ATTRIBUTION.md) ...")
        load(channel)
    replay(channel, LAST)
    print_breach_report(channel, "", "state = OPEN", "table")
    print_ltv_report(channel, "", "", "", "table")


def _wait_for_health(server: subprocess.Popen[bytes], address: str, stopping: _Stop) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    deadline = time.monotonic() + HEALTH_WAIT_SECONDS
    while time.monotonic() < deadline and server.poll() is None and not stopping.asked:
        with grpc.insecure_channel(address) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                time.sleep(0.1)
                continue
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Asks the server to drain, and insists when it does not."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
