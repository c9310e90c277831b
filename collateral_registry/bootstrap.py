"""Builds the running service from its settings; no other module selects concrete components."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from functools import partial
from os import cpu_count
from threading import Event, Thread
from typing import TYPE_CHECKING

from collateral_registry.clock import Clock, local_date, wall_clock
from collateral_registry.commands.book.business_date import keep_mode, open_book
from collateral_registry.commands.book.repair import Repair, repair_business_date
from collateral_registry.commands.pipeline.recompute import check_models
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.config import Settings, is_of_this_machine
from collateral_registry.domain.access.callers import SERVICE, Author
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import DomainError, Refused
from collateral_registry.domain.shared.units import units
from collateral_registry.logs import collect_standard_log, configure, logger
from collateral_registry.rpc.access.access_file import AccessFiles
from collateral_registry.rpc.access.certificate_files import CertificateFiles, server_credentials
from collateral_registry.rpc.access.identities import Identities
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.limits.connections import allow_open_files
from collateral_registry.rpc.limits.numbers import CallLimits, ConnectionLimits
from collateral_registry.rpc.server import Limits, RpcServer
from collateral_registry.runtime.book_figures import BookFigures
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.model_work.pool import WORKERS_LIMIT
from collateral_registry.runtime.revaluation.driver import RunDriver, Workers
from collateral_registry.runtime.revaluation.local_workers import LocalWorkers
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commit_listener import listen
from collateral_registry.store.engine.database import Database, sqlite_file
from collateral_registry.store.engine.migrate import migrate as migrate_schema
from collateral_registry.store.storage.durability import unsafe_settings
from collateral_registry.store.storage.rights import open_to_others
from collateral_registry.store.storage.sole_use import sole_use
from collateral_registry.store.storage.wal_checkpoints import checkpoint, empty_log
from valuation.errors import InvalidInput
from valuation.extras import check_installed, is_installed

if TYPE_CHECKING:
    from collateral_registry.web.listener import HttpListener
    from collateral_registry.web.server import HttpServer

EXTRAS = {
    "comparables": "models of comparable sales can be neither fitted nor used",
    "bulk": "large revaluation runs take longer",
}
"""Effect of each extra that the server lacks; docs/operations.md."""

LOG = logger("collateral")

ACCESS_SECONDS = 1.0
"""How often the files of identities are compared with those that were read."""

SWITCH_SECONDS = 0.0001
"""Time after which a thread that computes yields the interpreter. With fifty times as long, the default, each short
call waits for every report that is being computed."""


def repair_date(settings: Settings, to: date, actor: str, reason: str, *, check: bool) -> Repair:
    """Sets back the business date of a book that no server of this SQLite file serves; with ``check``, undoes it.

    Raises Refused, InvalidInput or StoreUnavailable.
    """
    with sole_use(settings.url), closing(Database(settings.url, wall_clock)) as database:
        migrate_schema(database)
        with database.write("RepairBusinessDate", Author(SERVICE.principal, actor)) as write:
            repair = repair_business_date(write, to, _today(settings, wall_clock), reason)
            settle(write)
            if not check:
                write.commit()
    return repair


def prepare_book(settings: Settings, clock: Clock = wall_clock) -> None:
    """Stores the first business date and the default policy in an empty database."""
    database = Database(settings.url, clock)
    try:
        _check_storage(settings, database)
        _open_book(settings, database, clock)
    finally:
        database.close()


def serve(settings: Settings, clock: Clock = wall_clock, process: int = 0) -> None:
    """Serves until SIGINT or SIGTERM, and then lets running calls finish; ``process`` is the number of this process.

    Raises Refused, StoreUnavailable, MissingExtra or OSError if the server cannot start.
    """
    import uvloop  # noqa: PLC0415 - needed by the server alone

    configure(settings.log_level, settings.log_format)
    collect_standard_log()
    allow_open_files()
    units()  # read now, because it would delay the first stock batch
    # Objects loaded at start live as long as the process, so garbage collection need not traverse them.
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
    with sole_use(settings.url), closing(IntakeProcess(settings.url, clock)) as intake:
        uvloop.run(_serve(settings, clock, intake, process))


async def _serve(settings: Settings, clock: Clock, intake: IntakeProcess, process: int) -> None:
    database = Database(settings.url, clock)
    migrate_schema(database)
    empty_log(database)
    _check_storage(settings, database)
    follows_clock = _open_book(settings, database, clock)
    settings.check_transport()
    access_files = AccessFiles(settings.access_file, settings.partners_file)
    identities = Reloaded("the identities", access_files.read, ACCESS_SECONDS)
    runner = BookRunner(database)
    loop = asyncio.get_running_loop()
    runs = RunDriver(database, _workers(settings), partial(loop.call_soon_threadsafe, runner.wake))
    server = RpcServer(
        runner,
        runs,
        intake,
        _limits(settings),
        identities,
        partial(_today, settings, clock),
        settings.audit_key(),
        allow_unsafe_storage=settings.allow_unsafe_storage,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stop_thread = _start_thread(settings, database, runner, loop)
    for extra, effect in EXTRAS.items():
        if not is_installed(extra):
            LOG.info("an optional part is not installed", extra=extra, effect=effect)
    _report_models(database)
    port = _listen(settings, server)
    web = await _start_http(settings, server) if settings.http_address else None
    operations = await _start_operations(settings, server, process) if settings.metrics_address else None
    await server.start()
    LOG.info("serving", address=settings.address.rpartition(":")[0], port=port)
    LOG.info(callers_accepted(settings, identities.current()))
    follower = asyncio.create_task(_follow_clock(server, settings)) if follows_clock else None
    await stop.wait()
    LOG.info("draining")
    if follower is not None:
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
    if web is not None:
        await web.drain()  # first, because its calls need the gRPC server
    await server.drain()
    if operations is not None:
        await operations.drain()  # last, because the state of a draining server is of interest
    stop_thread.set()
    database.close()
    LOG.info("stopped")


def _limits(settings: Settings) -> Limits:
    return Limits(
        calls=CallLimits(**settings.values_of(CallLimits)),
        connections=ConnectionLimits(**settings.values_of(ConnectionLimits)),
        drain_seconds=settings.drain_seconds,
        shares_port=settings.processes > 1,
        model_workers=settings.model_workers or min(cpu_count() or 1, WORKERS_LIMIT),
        model_memory_bytes=settings.model_memory_bytes,
        reads_logged_every=settings.log_reads_every,
        watchers=settings.watchers_limit,
    )


def _check_storage(settings: Settings, database: Database) -> None:
    """Reports files that others can open; raises Refused if changes can be lost and this is not allowed."""
    if exposed := open_to_others(settings.url):
        LOG.warning("the files of the book are not private", cause=exposed)
    if host := settings.unverified_database:
        LOG.warning("the connection to the database is not verified; set sslmode=verify-full", host=host)
    unsafe = unsafe_settings(database)
    if unsafe and not settings.allow_unsafe_storage:
        raise Refused(
            "UNSAFE_STORAGE",
            f"database: got {unsafe}, by which acknowledged changes can be lost; change it, or set "
            "COLLATERAL_ALLOW_UNSAFE_STORAGE=true to serve nevertheless",
        )
    if unsafe:
        LOG.warning("acknowledged changes can be lost when the machine fails", cause=unsafe)


def _listen(settings: Settings, server: RpcServer) -> int:
    """Listens on the addresses of gRPC and returns the port of the first; raises OSError or ValueError."""
    files = certificate_files(settings)
    if files is None:
        return server.listen(settings.address)
    source = files.reloaded()
    with_clients = settings.client_authorities_file is not None
    is_socket = settings.address.startswith("unix:")
    port = server.listen(settings.address, None if is_socket else server_credentials(source, with_clients=with_clients))
    if settings.token_address:
        server.listen(settings.token_address, server_credentials(source, with_clients=False))
    return port


def check_access(settings: Settings) -> None:
    """Raises ValueError for addresses that need TLS, and for unusable files of identities and of TLS."""
    settings.check_transport()
    AccessFiles(settings.access_file, settings.partners_file).read()
    if files := certificate_files(settings):
        files.read()


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """Returns the files of TLS; None without TLS."""
    if settings.tls_certificate_file is None or settings.tls_key_file is None:
        return None
    return CertificateFiles(settings.tls_certificate_file, settings.tls_key_file, settings.client_authorities_file)


def callers_accepted(settings: Settings, identities: Identities) -> str:
    """Returns in one line whom the service accepts, for its log."""
    if identities.are_none:
        return "no identities are configured: callers on this machine are the local owner, others are refused"
    transport = "TLS" if settings.has_tls else "plain text on this machine"
    return (
        f"{transport}, accepting {len(identities.certificates)} certificates, {len(identities.tokens)} tokens of "
        f"partners, {len(identities.issuers)} issuers of tokens; others are refused"
    )


async def _start_http(settings: Settings, server: RpcServer) -> HttpServer:
    """Starts the HTTP server, which calls the gRPC server of this process."""
    from collateral_registry.web.server import HttpServer  # noqa: PLC0415 - needed only with HTTP

    web = HttpServer(settings.message_limit_bytes, settings.drain_seconds / 2, shares_port=settings.processes > 1)
    tls = _http_tls(settings, settings.http_address, with_clients=False)
    server.listen(web.local_address)
    port = await web.start(settings.http_address, tls)
    LOG.info("serving HTTP", address=settings.http_address.rpartition(":")[0], port=port)
    return web


async def _start_operations(settings: Settings, server: RpcServer, process: int) -> HttpListener:
    """Starts the HTTP server of metrics and health."""
    from collateral_registry.web.operations.server import operations_server  # noqa: PLC0415 - needed only with metrics

    address = settings.metrics_address_of(process)
    tls = _http_tls(settings, address, with_clients=True)
    listener = operations_server(address, BookFigures(server.runner).refresh, server.monitor.health, tls)
    port = await listener.start(address)
    LOG.info("serving metrics", address=address.rpartition(":")[0], port=port)
    return listener


def _http_tls(settings: Settings, address: str, *, with_clients: bool) -> CertificateFiles | None:
    """Returns the files of TLS of an address of HTTP; None on the loopback interface, where it is plain text."""
    files = certificate_files(settings)
    if files is None or is_of_this_machine(address):
        return None
    return files if with_clients else replace(files, authorities=None)


def _start_thread(settings: Settings, database: Database, runner: BookRunner, loop: asyncio.AbstractEventLoop) -> Event:
    """Starts the background thread of the database, and returns the event that stops it.

    On PostgreSQL the thread wakes the watchers when another server commits. On SQLite, where a book has only one
    server, the thread checkpoints the write-ahead log.
    """
    stop, path = Event(), sqlite_file(settings.url)
    if path is None:
        committed = partial(loop.call_soon_threadsafe, runner.wake)
        Thread(target=listen, args=(settings.url, committed, stop), name="listener", daemon=True).start()
    else:
        Thread(target=checkpoint, args=(database, path, stop), name="checkpoint", daemon=True).start()
    return stop


def _report_models(database: Database) -> None:
    """Logs that the book waits for the acceptance of other models than those of its newest run."""
    try:
        with database.read() as connection:
            check_models(connection)
    except Refused as refused:
        LOG.warning("nothing is valued until the models are accepted", cause=str(refused))


def _workers(settings: Settings) -> Workers:
    """Returns the workers that revalue partitions: local processes, or the workers of a Dask scheduler.

    Raises MissingExtra if a scheduler is set and Dask is not installed.
    """
    if settings.dask_scheduler:
        check_installed("cluster")
        from collateral_registry.runtime.revaluation.cluster_workers import (  # noqa: PLC0415 - slow import
            ClusterWorkers,
            TlsFiles,
        )

        found, files = certificate_files(settings), None
        if settings.dask_scheduler.startswith("tls://") and found is not None and found.authorities is not None:
            files = TlsFiles(found.chain, found.key, found.authorities)
        return ClusterWorkers(settings.url, settings.dask_scheduler, files)
    return LocalWorkers(settings.url, settings.revaluation_workers or cpu_count() or 1)


def _today(settings: Settings, clock: Clock) -> date:
    """Returns the clock's date in the time zone of the book."""
    return local_date(clock(), settings.time_zone)


def _open_book(settings: Settings, database: Database, clock: Clock) -> bool:
    """Opens a new book, or continues an existing one; returns whether its business date follows the clock."""
    today = _today(settings, clock)
    requested = settings.follows_clock
    open_book(database, day_of(settings.first_date(today)), follows_clock=requested is not False)
    return keep_mode(database, day_of(today), requested=requested)


async def _follow_clock(server: RpcServer, settings: Settings) -> None:
    """Sets the business date to the date of the wall clock at every check; logs each new cause of a failure once.

    A permitted jump is permitted for the first move only.
    """
    logged, allow_jump = "", settings.allow_jump
    while True:
        try:
            await server.business_date.follow_clock(allow_jump=allow_jump)
            logged, allow_jump = "", False
        except (DomainError, InvalidInput) as error:
            if str(error) != logged:
                LOG.warning("the business date was not moved", cause=str(error))
            logged = str(error)
        except Exception as error:  # the task must survive any error, or the date would stand still until a restart
            if repr(error) != logged:
                LOG.exception("the business date was not moved; trying again")
            logged = repr(error)
        await server.report_business_date(logged)
        await asyncio.sleep(settings.date_check_seconds)
