"""Measures `collateral backup` of a book that is written meanwhile, and `collateral restore`.

The floor copies the same data without verification: on SQLite a copy of the file, on PostgreSQL an uncompressed archive
by pg_dump and its restoration by pg_restore. Each result is synced to disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy.engine import make_url

from benchmarks.engines import Engine
from benchmarks.measured import Measured, peak_mb_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.ingest import open_series
from collateral_registry.domain.access.callers import Author
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.engine.connections import sqlite_file
from collateral_registry.store.engine.database import Database
from tests.support.postgres import installed_programs, wheel_programs

PAUSE_SECONDS = 0.05
POLL_SECONDS = 0.1
QUIET_SECONDS = 5.0
"""Time in which commits are measured without a backup."""


@dataclass(frozen=True)
class Timed:
    """Elapsed and processor seconds of a command or a copy, and the peak memory of a command."""

    seconds: float
    processor: float
    peak_mb: float = 0.0


@dataclass(frozen=True)
class Floors:
    """A copy of the same data without verification, its restoration, and its size."""

    copy: Timed
    restoration: Timed
    size_mb: float


def measure_backup(engine: Engine, url: str) -> list[Measured]:
    """Measures a backup of a book and its restoration, and the commits of another process meanwhile."""
    place = Path(tempfile.mkdtemp(prefix="backup-"))
    archive, restored = place / "book.backup", engine.new_database()
    with _committing(url) as quiet:
        time.sleep(QUIET_SECONDS)
    with _committing(url) as busy:
        backup = _run(*_collateral("backup", str(archive), "--database", url))
    restoration = _run(*_collateral("restore", str(archive), "--database", restored))
    size_mb = archive.stat().st_size / 1e6
    archive.unlink()
    floors = _file_floors(url, place) if sqlite_file(url) else _dump_floors(engine, url, place)
    shutil.rmtree(place)
    peak = backup.peak_mb
    return [
        Measured("online backup", backup.seconds, "s", floors.copy.seconds, peak),
        Measured("processor time of the backup", backup.processor, "s", floors.copy.processor, peak),
        Measured("size of the backup", size_mb, "MB", floors.size_mb, peak),
        Measured("restoration", restoration.seconds, "s", floors.restoration.seconds, restoration.peak_mb),
        Measured("commit during a backup, p50", _ms(busy, 50), "ms", _ms(quiet, 50), peak),
        Measured("commit during a backup, p99", _ms(busy, 99), "ms", _ms(quiet, 99), peak),
    ]


@contextmanager
def _committing(url: str) -> Iterator[list[float]]:
    """Commits a new price series every PAUSE_SECONDS on another thread; yields the seconds of the commits."""
    database, took, ended = Database(url, wall_clock), list[float](), threading.Event()

    def run() -> None:
        while not ended.wait(PAUSE_SECONDS):
            name, start = f"series-{uuid.uuid4().hex}", time.perf_counter()
            with database.write("bench", Author("bench", "bench")) as write:
                open_series(write, PriceSeries(name, name, "t", "USD", max_age_days=30))
                commit(write)
            took.append(time.perf_counter() - start)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield took
    finally:
        ended.set()
        thread.join()
        database.close()


def _ms(seconds: list[float], share: float) -> float:
    return float(np.percentile(seconds, share)) * 1e3


def _collateral(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "collateral_registry", *arguments]


def _run(*command: str) -> Timed:
    """Runs a command to its end; raises RuntimeError with its output if it fails."""
    start, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        # The peak that the system reports at the end would be that of this process if it is higher.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            peak = max(peak, peak_mb_of(process.pid))
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed: {output.read()}")
    return Timed(seconds, used.ru_utime + used.ru_stime, peak)


def _file_floors(url: str, place: Path) -> Floors:
    """Copies a SQLite file twice, as a backup and its restoration do."""
    source = sqlite_file(url)
    assert source is not None
    return Floors(_copied(source, place / "copy.db"), _copied(source, place / "again.db"), source.stat().st_size / 1e6)


def _copied(source: Path, target: Path) -> Timed:
    start, processor = time.perf_counter(), time.process_time()
    with source.open("rb") as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
        os.fsync(copy.fileno())
    return Timed(time.perf_counter() - start, time.process_time() - processor)


def _dump_floors(engine: Engine, url: str, place: Path) -> Floors:
    """Dumps a PostgreSQL database without compression and restores it."""
    programs, dump = installed_programs() or wheel_programs(), place / "book.dump"
    dumped = _run(str(programs / "pg_dump"), "-Fc", "--compress=0", f"--file={dump}", f"--dbname={_libpq(url)}")
    target = _libpq(engine.new_database())
    restored = _run(str(programs / "pg_restore"), "--exit-on-error", f"--dbname={target}", str(dump))
    return Floors(dumped, restored, dump.stat().st_size / 1e6)


def _libpq(url: str) -> str:
    """Returns a URL without the name of the driver, for the programs of PostgreSQL."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
