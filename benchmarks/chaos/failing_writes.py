"""The n-th write or sync of the database fails, or the disk is full from then on: an error or correct, never a loss."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks.chaos.book import open_book
from benchmarks.chaos.checks import BOOKED, REJECTED
from benchmarks.chaos.scenario import SIDES, model_of, movements
from collateral_registry.client import NoAnswer, Outbox, Pusher, open_channel
from collateral_registry.clock import wall_clock
from collateral_registry.store.database import Database
from tests.server import Server

SHIM = Path(__file__).with_name("fail_write.c")
SOURCE = "alpha"
MOVEMENTS = 400
PLEDGED_LOTS = 4
BATCH_ITEMS = 40
PATIENCE_SECONDS = 1.0
ONCE, FROM_THEN_ON = "once", "on"
BOOK = "book.db"


@dataclass(frozen=True)
class Case:
    """Which write or sync fails, with what, and whether those after it do as well."""

    number: int
    error: int
    how: str


@dataclass
class Failed:
    """What became of the cases; in ``hit`` of them a call did fail, in ``told`` of them the push said so."""

    cases: int = 0
    hit: int = 0
    told: int = 0
    lost: int = 0
    doubled: int = 0


def cases(numbers: Sequence[int]) -> list[Case]:
    """Each number with a broken disk that fails once, and with a full disk."""
    return [Case(n, errno.EIO, ONCE) for n in numbers] + [Case(n, errno.ENOSPC, FROM_THEN_ON) for n in numbers]


def build_shim(folder: Path) -> Path:
    """Compiles the library that fails writes; raises FileNotFoundError where there is no C compiler."""
    library = folder / "fail_write.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)  # noqa: S607
    return library


def run_failing_writes(folder: Path, chosen: Sequence[Case], say: Callable[[str], None]) -> Failed:
    """Runs each case on a copy of one prepared book."""
    library = build_shim(folder)
    prepared = folder / "prepared"
    prepared.mkdir()
    server = Server(f"sqlite:///{prepared / BOOK}").start()
    open_book(server.address, [SOURCE], PLEDGED_LOTS)
    server.stop()
    failed = Failed()
    for case in chosen:
        place = folder / f"case-{case.how}-{case.number}"
        shutil.copytree(prepared, place)
        _run_case(place, library, case, failed)
        shutil.rmtree(place)
        say(f"{errno.errorcode[case.error]} at write or sync {case.number}: {vars(failed)}")
    return failed


def _run_case(place: Path, library: Path, case: Case, failed: Failed) -> None:
    plan, log = place.with_suffix(".plan"), place.with_suffix(".log")
    preloaded = {
        "LD_PRELOAD": str(library),
        "FAIL_FOLDER": str(place / BOOK),
        "FAIL_PLAN": str(plan),
        "FAIL_LOG": str(log),
    }
    url = f"sqlite:///{place / BOOK}"
    bad = Server(url, environment=preloaded).start()
    with Outbox(place.with_suffix(".outbox"), SOURCE) as outbox:
        outbox.add(movements(SOURCE, case.number, 0, MOVEMENTS))
        plan.write_text(f"{case.number} {case.error} {case.how}\n")
        failed.told += not _push(bad, outbox)
        bad.stop(signal.SIGKILL)
        waiting = set(outbox.waiting())
        mended = Server(url).start()
        missing_at_once = _model_ids(case) - waiting - _ids(url)
        if not _push(mended, outbox):
            raise AssertionError(f"the server did not recover: {mended.said}")
        mended.stop()
    failed.cases += 1
    failed.hit += log.exists()
    failed.lost += len(missing_at_once) + len(_model_ids(case) - _ids(url))
    failed.doubled += _doubled(url, case)


def _push(server: Server, outbox: Outbox) -> bool:
    """Whether everything became durable."""
    with open_channel(server.address) as channel:
        try:
            Pusher(channel, outbox, batch_items=BATCH_ITEMS, patience_seconds=PATIENCE_SECONDS).push()
        except (grpc.RpcError, NoAnswer):
            return False
    return True


def _model_ids(case: Case) -> set[str]:
    model = model_of({SOURCE: MOVEMENTS}, case.number)
    return model.booked | model.rejected


def _ids(url: str) -> set[str]:
    """Ids of the movements that the database holds, booked or rejected."""
    return {row[0] for query in (BOOKED, REJECTED) for row in _rows(url, query)}


def _doubled(url: str, case: Case) -> int:
    """Lots that hold something else than the model says."""
    model = model_of({SOURCE: MOVEMENTS}, case.number)
    held = {(row[0], row[1]): row[2] for row in _rows(url, "SELECT warehouse, lot, quantity FROM stock_lot")}
    ours = {place: quantity for place, quantity in held.items() if place[0] in {f"{SOURCE}-{side}" for side in SIDES}}
    return sum(ours.get(place, 0) != model.lots.get(place, 0) for place in {*ours, *model.lots})


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    database = Database(url, wall_clock)
    with database.read() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    database.close()
    return found
