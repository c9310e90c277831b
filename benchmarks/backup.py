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
from benchmarks.measured import Measured
from collateral_registry.clock import wall_clock
from collateral_registry.commands.pipeline.settle import commit
from collateral_registry.commands.prices.ingest import open_series
from collateral_registry.domain.prices.series import PriceSeries
from collateral_registry.store.engine.database import Database, sqlite_file
from tests.support.postgres import installed_programs, wheel_programs

PAUSE_SECONDS = 0.05
QUIET_SECONDS = 5.0
"""Time in which commits are measured without a backup."""


@dataclass(frozen=True)
class Timed:
    """Seconds and peak memory of a command."""

    seconds: float
    peak_mb: float


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
    return [
        Measured("online backup", backup.seconds, "s", floors[0], backup.peak_mb),
        Measured("size of the backup", size_mb, "MB", floors[2], backup.peak_mb),
        Measured("restoration", restoration.seconds, "s", floors[1], restoration.peak_mb),
        Measured("commit during a backup, p50", _ms(busy, 50), "ms", _ms(quiet, 50), backup.peak_mb),
        Measured("commit during a backup, p99", _ms(busy, 99), "ms", _ms(quiet, 99), backup.peak_mb),
    ]


@contextmanager
def _committing(url: str) -> Iterator[list[float]]:
    """Commits a new price series every PAUSE_SECONDS on another thread; yields the seconds of the commits."""
    database, took, ended = Database(url, wall_clock), list[float](), threading.Event()

    def run() -> None:
        while not ended.wait(PAUSE_SECONDS):
            name, start = f"series-{uuid.uuid4().hex}", time.perf_counter()
            with database.write("bench", "bench") as write:
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
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {output}")
    return Timed(time.perf_counter() - start, used.ru_maxrss / 1024)


def _file_floors(url: str, place: Path) -> tuple[float, float, float]:
    """Returns the seconds of two copies of a SQLite file, and its size in MB."""
    source, copies = sqlite_file(url), [place / "copy.db", place / "again.db"]
    assert source is not None
    took = []
    for copied in copies:
        start = time.perf_counter()
        with source.open("rb") as file, copied.open("wb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
            os.fsync(target.fileno())
        took.append(time.perf_counter() - start)
        copied.unlink()
    return took[0], took[1], source.stat().st_size / 1e6


def _dump_floors(engine: Engine, url: str, place: Path) -> tuple[float, float, float]:
    """Returns the seconds of pg_dump and of pg_restore, and the size of the archive in MB."""
    programs, dump = installed_programs() or wheel_programs(), place / "book.dump"
    dumped = _run(str(programs / "pg_dump"), "-Fc", "--compress=0", f"--file={dump}", f"--dbname={_libpq(url)}")
    target = _libpq(engine.new_database())
    restored = _run(str(programs / "pg_restore"), "--exit-on-error", f"--dbname={target}", str(dump))
    return dumped.seconds, restored.seconds, dump.stat().st_size / 1e6


def _libpq(url: str) -> str:
    """Returns a URL without the name of the driver, for the programs of PostgreSQL."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
