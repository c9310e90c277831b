"""Starts a server with the sample book, shows its report and how to use it, and waits until it is stopped."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from collateral_partner.options import DEFAULT_ADDRESS
from collateral_registry.cli.common.client import (
    EXIT_REFUSED,
    EXIT_TEMPORARY,
    EXIT_USAGE,
    print_error,
    print_line,
    session,
)
from collateral_registry.cli.common.options import Format, Layout
from collateral_registry.cli.server.failures import run_with_settings
from collateral_registry.cli.server.settings import settings_from

if TYPE_CHECKING:
    import grpc

    from collateral_registry.config import Settings

HEALTH_WAIT_SECONDS = 300.0
"""Longest time that a server may take to start; the first start compiles the bytecode of all packages."""

STOP_WAIT_SECONDS = 20.0
CONNECT_WAIT_SECONDS = 1.0
REPORTED = {EXIT_USAGE, EXIT_REFUSED, EXIT_TEMPORARY}
"""Exit codes of a server that has printed why it did not start."""

REPEAT_STOP_SECONDS = 0.5
ANY_HOST = {"0.0.0.0", "[::]", ""}  # noqa: S104 - compared, not bound

SAMPLE_COMMANDS = ("report ltv --as-of 2022-07-13", "value lot-nordkupfer-1", "loan show loan-terra-dig")
COMMANDS = ("report ltv", "asset list", "import --help")
"""Commands to try with the sample book, and with another book."""


class StopRequested(Exception):
    """Raised by the signal handler on Ctrl-C or SIGTERM."""


def run_with_sample(
    address: str, database: str, http_address: str, metrics_address: str, *, sample: bool, stay: bool
) -> int:
    """Starts a server process, loads the sample into a new book, prints the report and waits for Ctrl-C.

    Returns the exit code. If ``stay`` is False, the server is stopped after the report.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _request_stop)
    try:
        return _run(address, database, http_address, metrics_address, sample=sample, stay=stay)
    except StopRequested:
        signal.setitimer(signal.ITIMER_REAL, 0)
        print_line("Stopped. The next start continues with this book.")
        return 0


def _run(address: str, database: str, http_address: str, metrics_address: str, *, sample: bool, stay: bool) -> int:
    code = 0

    def work(settings: Settings) -> None:
        nonlocal code
        settings.check_transport()
        if settings.lenders_file is not None:
            want = "want none, because this command serves one lender; use collateral serve"
            raise ValueError(f"lenders_file: got {settings.lenders_file}, {want}")
        if _is_taken(settings.address):
            want = "want a free port; stop the process that listens there or choose another --address"
            raise OSError(errno.EADDRINUSE, f"address: got {settings.address}, {want}")
        code = _run_server(settings, database, sample=sample, stay=stay)

    failed = run_with_settings(
        lambda: settings_from(address, database, "", http_address=http_address, metrics_address=metrics_address), work
    )
    return failed or code


def _run_server(settings: Settings, database: str, *, sample: bool, stay: bool) -> int:
    """Runs the server with its log in a file until it ends; raises OSError."""
    log = _log_file(settings)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        want = f"want a folder that this user can create, for the log {log.name} and the book"
        raise OSError(
            error.errno, f"database_url or data_folder: got {log.parent}, {want} ({error.strerror})"
        ) from None
    print_line(f"Starting a server at {settings.address}")
    with (
        log.open("ab") as output,
        subprocess.Popen(  # noqa: S603 - starts this program itself
            _command(settings, sample=sample), start_new_session=True, stdout=output, env=_environment(database)
        ) as server,
    ):
        try:
            return _run_until_stopped(server, settings, log, sample=sample, stay=stay)
        finally:
            _stop(server)


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


def _log_file(settings: Settings) -> Path:
    """Returns the file for the server's log: beside a SQLite database, otherwise in the data folder."""
    if settings.url.startswith("sqlite:///"):
        return Path(settings.url.removeprefix("sqlite:///")).with_suffix(".log")
    return settings.data_folder / "collateral.log"


def _command(settings: Settings, *, sample: bool) -> list[str]:
    from collateral_registry.cli.server.sample import OPENING

    command = [sys.executable, "-m", "collateral_registry", "serve", "--address", settings.address]
    command += ["--http-address", settings.http_address] if settings.http_address else []
    command += ["--metrics-address", settings.metrics_address] if settings.metrics_address else []
    return command + (["--business-date", OPENING] if sample else [])


def _environment(database: str) -> dict[str, str]:
    """Returns the environment of the server, which has the URL: other users can read arguments but no environment."""
    return {**os.environ, **({"COLLATERAL_DATABASE_URL": database} if database else {})}


def _run_until_stopped(
    server: subprocess.Popen[bytes], settings: Settings, log: Path, *, sample: bool, stay: bool
) -> int:
    from collateral_registry.cli.server.health import wait_until_serving

    if not wait_until_serving(settings.address, HEALTH_WAIT_SECONDS, lambda: server.poll() is None):
        stopped = server.poll()
        if stopped is None:
            print_error(f"the server was not ready after {HEALTH_WAIT_SECONDS:.0f} seconds; its log is {log}")
        elif stopped not in REPORTED:
            print_error(f"the server did not start; its log is {log}")
        return stopped or EXIT_TEMPORARY
    commands = COMMANDS
    with session(settings.address) as channel:
        if sample:
            commands = SAMPLE_COMMANDS if _show_sample(channel) else COMMANDS
    if not stay:
        return 0
    _show_addresses(settings, log, commands)
    while server.poll() is None:
        time.sleep(0.2)
    print_error(f"the server stopped by itself; its log is {log}")
    return server.returncode or EXIT_TEMPORARY


def _show_sample(channel: grpc.Channel) -> bool:
    """Completes the sample in a book that is empty or contains part of it, and prints the reports.

    Returns whether the book contains the sample.
    """
    from collateral_registry.cli.reports.lists import show_breach_report, show_ltv_report
    from collateral_registry.cli.server.replay import breach_count, replay
    from collateral_registry.cli.server.sample import LAST, OPENING, business_date, is_sample, load

    today, sequence = business_date(channel)
    if today.isoformat() == OPENING and (sequence <= 1 or is_sample(channel)):
        print_line("Loading the sample book: invented firms, real prices (see ATTRIBUTION.md)")
        load(channel)
    found = is_sample(channel)
    if found:
        if today.isoformat() < LAST:
            print_line(f"Replaying the days after {today}")
        print_line(f"2022: {replay(channel) if today.isoformat() <= LAST else breach_count(channel)}")
    layout = Layout(Format.TABLE, None, wide=False)
    show_breach_report(channel, "", "state = OPEN", 0, layout)
    show_ltv_report(channel, "", "", "", 0, layout)
    return found


def _show_addresses(settings: Settings, log: Path, commands: Sequence[str]) -> None:
    """Prints where the server and its data are, and commands that work when pasted into another terminal."""
    from collateral_registry.logs import masked

    host, _, port = settings.address.rpartition(":")
    reachable = f"127.0.0.1:{port}" if host in ANY_HOST else settings.address
    option = [] if reachable == DEFAULT_ADDRESS else ["--server", reachable]
    print_line("")
    places = {
        "pages": settings.http_address and f"http://{settings.http_address}/",
        "gRPC": f"{settings.address} (health and reflection on)",
        "HTTP/JSON": settings.http_address and f"http://{settings.http_address}/v1/openapi.json",
        "callers": "" if settings.has_identities else "this machine only, without credentials, as the local owner",
        "metrics": settings.metrics_address and f"http://{settings.metrics_address}/metrics",
        "database": masked(settings.url),
        "log": str(log),
    }
    for name, place in places.items():
        if place:
            print_line(f"{name:<11}{place}")
    print_line("\nTry in another terminal:")
    for command in commands:
        print_line(f"  {shlex.join([*_program(), *shlex.split(command), *option])}")
    print_line("\nCtrl-C stops the server; the book is kept.")


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


def _program() -> list[str]:
    """Returns how this command is called from the working directory."""
    script = Path(sys.executable).parent / "collateral"
    if not script.exists():
        return [sys.executable, "-m", "collateral_registry"]
    if shutil.which("collateral") == str(script):
        return ["collateral"]
    return [os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)]
