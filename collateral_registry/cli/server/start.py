"""Starts a server, with or without the sample book, and migrates its database."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from collateral_registry.cli.common.client import EXIT_REFUSED, EXIT_USAGE, print_error, print_line, session
from collateral_registry.cli.common.formatting import date_message, format_date
from collateral_registry.cli.common.options import Format, Layout

if TYPE_CHECKING:
    import grpc
    from rich.console import Console

    from collateral_registry.config import Settings

HEALTH_WAIT_SECONDS = 300.0
"""Longest time that a server may take to start; the first start compiles the bytecode of all packages."""

STOP_WAIT_SECONDS = 20.0
CONNECT_WAIT_SECONDS = 1.0
REPEAT_STOP_SECONDS = 0.5
FOLLOW_CLOCK = "wall"
DATABASE_URL = re.compile(r"(sqlite|postgresql(\+psycopg)?)://")


def settings_from(
    address: str, database: str, business_date: str, processes: int = 0, http_address: str = ""
) -> Settings:
    """Returns the settings; options that are given override them. Raises ValueError naming an invalid setting."""
    from pydantic import ValidationError

    from collateral_registry.config import Settings

    if business_date not in {"", FOLLOW_CLOCK}:
        date_message("--business-date", business_date)
    options: dict[str, Any] = {
        "address": address,
        "database_url": database,
        "business_date": business_date,
        "processes": processes,
        "http_address": http_address,
    }
    try:
        settings = Settings(**{name: value for name, value in options.items() if value})
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise ValueError(f"{name}: got {first['input']!r}; {first['msg']}") from None
    if not DATABASE_URL.match(settings.url):
        raise ValueError("database_url: want a URL such as sqlite:///book.db or postgresql+psycopg://host/book")
    return settings


def run_server(address: str, database: str, business_date: str, processes: int, http_address: str) -> int:
    """Serves until stopped and returns the exit code."""
    from collateral_registry.domain.shared.errors import DomainError
    from collateral_registry.supervisor import serve_in_processes
    from valuation.errors import MissingExtra

    try:
        serve_in_processes(settings_from(address, database, business_date, processes, http_address))
    except (DomainError, MissingExtra, OSError) as error:
        print_error(str(error))
        return EXIT_REFUSED
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    return 0


def run_migration(database: str) -> int:
    """Migrates the database and returns the exit code."""
    from collateral_registry.bootstrap import migrate
    from collateral_registry.domain.shared.errors import DomainError

    try:
        before, after = migrate(settings_from("", database, ""))
    except (DomainError, OSError) as error:
        print_error(str(error))
        return EXIT_REFUSED
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    print_line(f"schema {before or 'empty'} -> {after}")
    return 0


class StopRequested(Exception):
    """Raised by the signal handler on Ctrl-C or SIGTERM."""


def run_with_sample(address: str, database: str, http_address: str, *, sample: bool, stay: bool) -> int:
    """Starts a server process, loads the sample into a new book, prints the report and waits for Ctrl-C.

    Returns the exit code. If ``stay`` is False, the server is stopped after the report.
    """
    try:
        settings = settings_from(address, database, "", http_address=http_address)
    except ValueError as error:
        print_error(str(error))
        return EXIT_USAGE
    address, http_address = settings.address, settings.http_address
    if _is_taken(address):
        print_error(f"another process already listens at {address}; stop it or choose another --address")
        return EXIT_REFUSED
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _request_stop)
    try:
        with subprocess.Popen(  # noqa: S603 - starts this program itself
            _command(address, database, http_address, sample=sample), start_new_session=True
        ) as server:
            try:
                return _run_until_stopped(server, address, http_address, sample=sample, stay=stay)
            finally:
                _stop(server)
    except StopRequested:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return 0


def _request_stop(*_: object) -> None:
    """Raises StopRequested, and sets a timer that calls this handler again.

    The interpreter discards an exception raised while a finaliser runs, so a single request might have no effect.
    """
    signal.setitimer(signal.ITIMER_REAL, REPEAT_STOP_SECONDS)
    raise StopRequested


def _is_taken(address: str) -> bool:
    """Returns whether a process listens at the address.

    The sample must never be loaded into a server that this command did not start.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return False
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_WAIT_SECONDS).close()
    except OSError:
        return False
    return True


def _command(address: str, database: str, http_address: str, *, sample: bool) -> list[str]:
    from collateral_registry.cli.server.sample import OPENING

    command = [sys.executable, "-m", "collateral_registry", "serve", "--address", address]
    command += ["--database", database] if database else []
    command += ["--http-address", http_address] if http_address else []
    return command + (["--business-date", OPENING] if sample else [])


def _run_until_stopped(
    server: subprocess.Popen[bytes], address: str, http_address: str, *, sample: bool, stay: bool
) -> int:
    from rich.console import Console

    console = Console()
    if not _wait_for_health(server, address):
        if server.poll() is None:
            print_error(f"the server did not start within {HEALTH_WAIT_SECONDS:g} s; try again")
        return server.poll() or EXIT_REFUSED
    if sample:
        with session(address) as channel:
            _show_sample(channel, console)
    if http_address:
        console.print(f"HTTP/JSON at http://{http_address}/v1/openapi.json", highlight=False, soft_wrap=True)
    console.print(f"gRPC at {address} (health and reflection on); stop with Ctrl-C", highlight=False, soft_wrap=True)
    while stay and server.poll() is None:
        time.sleep(0.2)
    return 0 if server.poll() is None else server.returncode


def _show_sample(channel: grpc.Channel, console: Console) -> None:
    """Completes the sample in a book that is empty or already contains part of it, and then prints the reports."""
    from collateral_registry.cli.loans.report import show_breach_report, show_ltv_report
    from collateral_registry.cli.server.replay import replay
    from collateral_registry.cli.server.sample import OPENING, is_sample, load
    from collateral_registry.v1 import business_date_pb2, business_date_pb2_grpc

    stub = business_date_pb2_grpc.BusinessDateServiceStub(channel)
    state = stub.GetBusinessDate(business_date_pb2.GetBusinessDateRequest())
    opening = format_date(state.date) == OPENING
    if opening and (state.sequence <= 1 or is_sample(channel)):
        console.print("Loading the sample book: invented firms, real prices (see ATTRIBUTION.md) ...")
        load(channel)
    if is_sample(channel):
        console.print(f"2022: {replay(channel)}", highlight=False)
    layout = Layout(Format.TABLE, None, wide=False)
    show_breach_report(channel, "", "state = OPEN", 0, layout)
    show_ltv_report(channel, "", "", "", 0, layout)


def _wait_for_health(server: subprocess.Popen[bytes], address: str) -> bool:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    deadline = time.monotonic() + HEALTH_WAIT_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with grpc.insecure_channel(address) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                time.sleep(0.1)
                continue
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stops the server by SIGTERM, or after a timeout by SIGKILL; this process ignores further signals."""
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
