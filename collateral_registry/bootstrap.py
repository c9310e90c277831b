"""Builds the running service from its settings; no other module selects concrete components."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from collateral_registry.clock import Clock, wall_clock
from collateral_registry.commands.book.repair import Repair, repair_business_date
from collateral_registry.commands.pipeline.settle import settle
from collateral_registry.config import Settings, is_of_this_machine
from collateral_registry.domain.access.callers import OWN_LENDER, SERVICE, Author
from collateral_registry.domain.shared.errors import DomainError
from collateral_registry.domain.shared.units import units
from collateral_registry.lender_book import (
    LenderBook,
    certificate_files,
    check_owner,
    open_database,
    reserved_books,
    today_of,
)
from collateral_registry.lenders import settings_by_lender
from collateral_registry.logs import collect_standard_log, configure, logger
from collateral_registry.rpc.access.access_file import AccessFiles
from collateral_registry.rpc.access.certificate_files import CertificateFiles, server_credentials
from collateral_registry.rpc.access.identities import Identities
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.limits.connections import allow_open_files
from collateral_registry.rpc.limits.numbers import CallLimits, ConnectionLimits
from collateral_registry.rpc.server import Limits, RpcServer
from collateral_registry.runtime.process_memory import collect_rarely, keep_freed_memory, return_freed_memory
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate as migrate_schema
from collateral_registry.store.storage.sole_use import sole_use
from valuation.extras import is_installed

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


def repair_date(settings: Settings, lender: str, to: date, actor: str, reason: str, *, check: bool) -> Repair:
    """Sets back the business date of a book that no server of this SQLite file serves; with ``check``, undoes it.

    ``lender`` is empty where the service serves one lender.

    Raises Refused, InvalidInput or StoreUnavailable.
    """
    with sole_use(settings.url), closing(Database(settings.url, wall_clock)) as database:
        check_owner(lender or OWN_LENDER, database)
        migrate_schema(database)
        with database.write("RepairBusinessDate", Author(SERVICE.principal, actor)) as write:
            repair = repair_business_date(write, to, today_of(settings, wall_clock), reason)
            settle(write)
            if not check:
                write.commit()
    return repair


def prepare_books(settings: Settings, clock: Clock = wall_clock) -> None:
    """Upgrades the schema of every book, and stores the first business date and the default policy in empty ones.

    Raises the errors of ``open_database`` for the only book. One of several books may be opened later by its servers.
    """
    by_lender = settings_by_lender(settings)
    for lender, of_lender in by_lender.items():
        try:
            with closing(Database(of_lender.url, clock)) as database:
                open_database(lender, of_lender, database, clock)
        except Exception as error:  # the database of one lender must not stop the service of the others
            if len(by_lender) == 1:
                raise
            foreseen, cause = isinstance(error, DomainError | OSError), str(error) or type(error).__name__
            LOG.log(logging.ERROR, "a book cannot be opened", lender=lender, cause=cause, exc_info=not foreseen)


def serve(settings: Settings, clock: Clock = wall_clock, process: int = 0) -> None:
    """Serves until SIGINT or SIGTERM, and then lets running calls finish; ``process`` is the number of this process.

    Raises Refused, StoreUnavailable, MissingExtra or OSError if the server cannot start.
    """
    import uvloop  # noqa: PLC0415 - needed by the server alone

    configure(settings.log_level, settings.log_format)
    collect_standard_log()
    allow_open_files()
    units()  # read now, because it would delay the first stock batch
    sys.setswitchinterval(SWITCH_SECONDS)
    collect_rarely()
    keep_freed_memory()
    with reserved_books(settings_by_lender(settings), clock) as books:
        uvloop.run(_serve(settings, books, process))


async def _serve(settings: Settings, books: Sequence[LenderBook], process: int) -> None:
    for book in books:
        book.assemble()
        # Where there are others, a book that cannot be opened must not keep them from being served.
        book.open() if len(books) == 1 else book.try_open()
    settings.check_transport()
    access_files = AccessFiles(settings.access_file, settings.partners_file)
    identities = Reloaded("the identities", access_files.read, ACCESS_SECONDS)
    settings.check_http_callers(are_listed=not identities.current().are_none)
    server = RpcServer({book.lender: book.services for book in books}, _limits(settings), identities)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    for extra, effect in EXTRAS.items():
        if not is_installed(extra):
            LOG.info("an optional part is not installed", extra=extra, effect=effect)
    port = _listen(settings, server)
    web = await _start_http(settings, server) if settings.http_address else None
    operations = await _start_operations(settings, books, process) if settings.metrics_address else None
    await server.start()
    for book in books:
        await book.start(server.publish)
    returning = asyncio.create_task(return_freed_memory())
    LOG.info("serving", address=settings.address.rpartition(":")[0], port=port)
    LOG.info(callers_accepted(settings, identities.current()))
    await stop.wait()
    returning.cancel()
    LOG.info("draining")
    for book in books:
        await book.stop_tasks()
    if web is not None:
        await web.drain()  # first, because its calls need the gRPC server
    await server.drain()
    if operations is not None:
        await operations.drain()  # last, because the state of a draining server is of interest
    for book in books:
        book.close()
    LOG.info("stopped")


def _limits(settings: Settings) -> Limits:
    return Limits(
        calls=CallLimits(**settings.values_of(CallLimits)),
        connections=ConnectionLimits(**settings.values_of(ConnectionLimits)),
        drain_seconds=settings.drain_seconds,
        shares_port=settings.processes > 1,
        reads_logged_every=settings.log_reads_every,
    )


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
    """Raises ValueError for addresses that need TLS or identities, and for unusable files of identities and of TLS."""
    settings.check_transport()
    identities, _ = AccessFiles(settings.access_file, settings.partners_file).read()
    settings.check_http_callers(are_listed=not identities.are_none)
    if files := certificate_files(settings):
        files.read()


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


async def _start_operations(settings: Settings, books: Sequence[LenderBook], process: int) -> HttpListener:
    """Starts the HTTP server of metrics and health."""
    from collateral_registry.web.operations.server import operations_server  # noqa: PLC0415 - needed only with metrics

    async def refresh() -> None:
        await asyncio.gather(*(book.figures.refresh() for book in books))

    address = settings.metrics_address_of(process)
    tls = _http_tls(settings, address, with_clients=True)
    listener = operations_server(address, refresh, {book.lender: book.services.health for book in books}, tls)
    port = await listener.start(address)
    LOG.info("serving metrics", address=address.rpartition(":")[0], port=port)
    return listener


def _http_tls(settings: Settings, address: str, *, with_clients: bool) -> CertificateFiles | None:
    """Returns the files of TLS of an address of HTTP; None on the loopback interface, where it is plain text."""
    files = certificate_files(settings)
    if files is None or is_of_this_machine(address):
        return None
    return files if with_clients else replace(files, authorities=None)
