"""The book of one lender in a running server: how it is reserved, opened, kept current and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from functools import partial
from os import cpu_count
from threading import Event, Thread

from collateral_registry.clock import Clock, local_date
from collateral_registry.commands.book.business_date import keep_mode, open_book
from collateral_registry.commands.book.lender import check_lender, record_lender
from collateral_registry.commands.pipeline.recompute import check_models
from collateral_registry.config import Settings
from collateral_registry.domain.access.callers import OWN_LENDER, label_of
from collateral_registry.domain.shared.days import day_of
from collateral_registry.domain.shared.errors import DomainError, Refused
from collateral_registry.logs import LENDER, logger
from collateral_registry.rpc.access.certificate_files import CertificateFiles
from collateral_registry.rpc.book_services import BookLimits, BookServices
from collateral_registry.runtime.book_figures import BookFigures
from collateral_registry.runtime.feeds.writer_process import IntakeProcess
from collateral_registry.runtime.health import Part
from collateral_registry.runtime.model_work.pool import WORKERS_LIMIT
from collateral_registry.runtime.revaluation.driver import RunDriver, Workers
from collateral_registry.runtime.revaluation.local_workers import LocalWorkers
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.engine.commit_listener import listen
from collateral_registry.store.engine.connections import file_identity, libpq_url, sqlite_file
from collateral_registry.store.engine.database import Database
from collateral_registry.store.engine.migrate import migrate as migrate_schema
from collateral_registry.store.storage.durability import unsafe_settings
from collateral_registry.store.storage.own_schema import check_own_schema
from collateral_registry.store.storage.rights import open_to_others
from collateral_registry.store.storage.sole_use import sole_use
from collateral_registry.store.storage.wal_checkpoints import checkpoint, empty_log
from valuation.errors import InvalidInput
from valuation.extras import check_installed

LOG = logger("collateral")

RETRY_SECONDS = 5.0
"""Pause before a book that could not be opened is opened again."""


class LenderBook:
    """The database, the services and the background tasks of one lender's book."""

    def __init__(self, lender: str, settings: Settings, clock: Clock) -> None:
        self.lender = lender
        self._settings = settings
        self._clock = clock
        self._lock = ExitStack()
        self._is_reserved = False
        self._reserved: tuple[int, int] | None = None
        self._writer = ExitStack()
        self._trouble = "not opened"
        self._follows_clock = False
        self._ended = Event()
        self._tasks: list[asyncio.Task[None]] = []

    def reserve(self) -> None:
        """Keeps other servers away from a SQLite file until ``release``.

        Raises OSError, and Refused if another server holds the file or if it is not the one that was reserved before.
        """
        file = sqlite_file(self._settings.url)
        if not self._is_reserved:
            self._lock.enter_context(sole_use(self._settings.url))
            self._is_reserved, self._reserved = True, file_identity(file)
        elif file_identity(file) != self._reserved:
            raise Refused("FILE_REPLACED", f"database: got another file at {file}, or none; start the server again")

    def start_writer(self) -> None:
        """Starts the writer process of feeds, which must happen before the service starts a thread."""
        self._intake = self._writer.enter_context(closing(IntakeProcess(self._settings.url, self._clock)))

    def release(self) -> None:
        """Ends the writer process and frees the file."""
        self._writer.close()
        self._lock.close()

    def assemble(self) -> None:
        """Creates the services in the running event loop; they refuse calls until the book is open."""
        settings = self._settings
        self._database = Database(settings.url, self._clock)
        runner = BookRunner(self._database)
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(runner.wake)

        self._wake = wake
        self.services = BookServices(
            runner,
            RunDriver(self._database, _workers(settings), wake),
            self._intake,
            BookLimits(
                watchers=settings.watchers_limit,
                model_workers=settings.model_workers or min(cpu_count() or 1, WORKERS_LIMIT),
                model_memory_bytes=settings.model_memory_bytes,
            ),
            partial(today_of, settings, self._clock),
            settings.audit_key(),
            label_of(self.lender),
            allow_unsafe_storage=settings.allow_unsafe_storage,
        )
        self.figures = BookFigures(runner, label_of(self.lender))

    def open(self) -> None:
        """Upgrades the schema and opens the book; raises Refused, StoreUnavailable or OSError."""
        self.reserve()
        self._follows_clock = open_database(self.lender, self._settings, self._database, self._clock)
        self._trouble = ""

    def try_open(self) -> None:
        """Does the same; notes the error of a book that cannot be opened now, which ``start`` tries again."""
        with self._noted_trouble():
            self.open()

    async def start(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Lets calls reach the book and starts the tasks that keep it current, as soon as it could be opened.

        ``publish`` is called after each change of the health.
        """
        token = LENDER.set(label_of(self.lender))  # for the tasks that are started here
        if not self._trouble:
            await (self._start_open if self.lender == OWN_LENDER else self._try_start)(publish)
        if self._trouble:
            self._tasks.append(asyncio.create_task(self._open_later(publish)))
        LENDER.reset(token)

    async def stop_tasks(self) -> None:
        """Ends the tasks that open the book and follow the clock."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """Closes the database, once the services are closed."""
        self._ended.set()
        self._database.close()

    async def _start_open(self, publish: Callable[[], Awaitable[None]]) -> None:
        _report_models(self._database)
        await self.services.start(publish)
        self._start_thread()
        if self._follows_clock:
            self._tasks.append(asyncio.create_task(self._follow_clock(publish)))

    async def _open_later(self, publish: Callable[[], Awaitable[None]]) -> None:
        while self._trouble:
            self.services.health.report(Part.SERVER, f"the book cannot be opened: {self._trouble}")
            await publish()
            await asyncio.sleep(RETRY_SECONDS)
            await asyncio.to_thread(self.try_open)
            if not self._trouble:
                await self._try_start(publish)

    async def _try_start(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Starts a book that was opened; notes the error of a database that fails meanwhile."""
        with self._noted_trouble():
            await self._start_open(publish)

    @contextmanager
    def _noted_trouble(self) -> Iterator[None]:
        """Notes the error for which the book is not open; logs one that was not foreseen."""
        try:
            yield
        except OSError as error:
            self._trouble = error.strerror or str(error) or type(error).__name__
        except DomainError as error:
            self._trouble = str(error)
        except Exception as error:  # the database of one lender must not stop the service of the others
            self._trouble = f"an unforeseen error of the kind {type(error).__name__}, which the log states"
            LOG.exception("a book cannot be opened", lender=self.lender)

    def _start_thread(self) -> None:
        """Starts the background thread of the database.

        On PostgreSQL the thread wakes the watchers when another server commits. On SQLite, where a book has only one
        server, the thread checkpoints the write-ahead log.
        """
        path = sqlite_file(self._settings.url)
        if path is None:
            work, name = partial(listen, libpq_url(self._settings.url), self._wake, self._ended), "listener"
        else:
            work, name = partial(checkpoint, self._database, path, self._ended), "checkpoint"
        Thread(target=work, name=name, daemon=True).start()

    async def _follow_clock(self, publish: Callable[[], Awaitable[None]]) -> None:
        """Sets the business date to the date of the wall clock at every check; logs each new cause of a failure once.

        A permitted jump is permitted for the first move only.
        """
        logged, allow_jump = "", self._settings.allow_jump
        while True:
            try:
                await self.services.business_date.follow_clock(allow_jump=allow_jump)
                logged, allow_jump = "", False
            except (DomainError, InvalidInput) as error:
                if str(error) != logged:
                    LOG.warning("the business date was not moved", cause=str(error))
                logged = str(error)
            except Exception as error:  # the task must survive any error, or the date would stand still until a restart
                if repr(error) != logged:
                    LOG.exception("the business date was not moved; trying again")
                logged = repr(error)
            self.services.health.report(Part.CLOCK, logged)
            await publish()
            await asyncio.sleep(self._settings.date_check_seconds)


@contextmanager
def reserved_books(by_lender: Mapping[str, Settings], clock: Clock) -> Iterator[list[LenderBook]]:
    """Yields the books of the lenders, with their files locked and their writer processes started.

    Raises Refused or OSError if the only book is in use. One of several books is reserved again later, because it must
    not keep the others from being served.
    """
    with ExitStack() as stack:
        books = [LenderBook(lender, settings, clock) for lender, settings in by_lender.items()]
        for book in books:
            stack.callback(book.release)
            try:
                book.reserve()
            except (Refused, OSError):
                if len(books) == 1:
                    raise
            book.start_writer()  # after the lock, which the process inherits
        yield books


def open_database(lender: str, settings: Settings, database: Database, clock: Clock) -> bool:
    """Upgrades the schema, and opens a new book or continues an existing one.

    Returns whether its business date follows the clock. Raises Refused, StoreUnavailable or OSError.
    """
    check_owner(lender, database)
    migrate_schema(database)
    empty_log(database)
    check_storage(settings, database)
    today = today_of(settings, clock)
    requested = settings.follows_clock
    open_book(database, day_of(settings.first_date(today)), follows_clock=requested is not False)
    if lender != OWN_LENDER:
        record_lender(database, lender)
    return keep_mode(database, day_of(today), requested=requested)


def check_owner(lender: str, database: Database) -> None:
    """Raises Refused if a database of one of several lenders holds, or could show, the book of another."""
    if lender != OWN_LENDER:
        check_own_schema(database)
        check_lender(database, lender)


def check_storage(settings: Settings, database: Database) -> None:
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


def today_of(settings: Settings, clock: Clock) -> date:
    """Returns the clock's date in the time zone of the book."""
    return local_date(clock(), settings.time_zone)


def _report_models(database: Database) -> None:
    """Logs that the book waits for the acceptance of other models than those of its newest run."""
    try:
        with database.read() as connection:
            check_models(connection)
    except Refused as refused:
        LOG.warning("nothing is valued until the models are accepted", cause=str(refused))


def certificate_files(settings: Settings) -> CertificateFiles | None:
    """Returns the files of TLS; None without TLS."""
    if settings.tls_certificate_file is None or settings.tls_key_file is None:
        return None
    return CertificateFiles(settings.tls_certificate_file, settings.tls_key_file, settings.client_authorities_file)


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
