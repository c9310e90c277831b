"""Fails a write or sync of the database, once or from then on: pushes must fail or succeed without any loss."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from benchmarks.chaos.bad_disk import Case
from benchmarks.chaos.breakable import Copy, prepared_book
from benchmarks.chaos.checks import BOOKED, REJECTED
from benchmarks.chaos.scenario import SIDES, model_of, movements
from collateral_partner import NoAnswer, Outbox, Pusher, open_channel
from collateral_registry.clock import wall_clock
from collateral_registry.store.engine.database import Database
from tests.support.server import Server

SOURCE = "alpha"
MOVEMENTS = 400
PLEDGED_LOTS = 4
BATCH_ITEMS = 40
PATIENCE_SECONDS = 1.0
MENDED_PATIENCE_SECONDS = 20.0


@dataclass
class Failed:
    """Results of the cases: in ``hit`` of them a call failed, in ``reported`` of them the push returned an error."""

    cases: int = 0
    hit: int = 0
    reported: int = 0
    lost: int = 0
    doubled: int = 0


def run_failing_writes(engine: str, folder: Path, chosen: Sequence[Case], say: Callable[[str], None]) -> Failed:
    """Runs each case on its own copy of a prepared book."""
    failed = Failed()
    with prepared_book(engine, folder, [SOURCE], PLEDGED_LOTS) as prepared:
        for case in chosen:
            book = prepared.copy(f"{case.how}-{case.number}")
            try:
                _run_case(book, folder, case, failed)
            finally:
                book.remove()
            say(f"{engine}: {errno.errorcode[case.error]} at write or sync {case.number}: {vars(failed)}")
    return failed


def _run_case(book: Copy, folder: Path, case: Case, failed: Failed) -> None:
    bad = book.start_bad()
    with Outbox(folder / f"{case.how}-{case.number}.outbox", SOURCE) as outbox:
        outbox.add(movements(SOURCE, case.number, 0, MOVEMENTS))
        book.disk.arm(case)
        failed.reported += not _push(bad, outbox, PATIENCE_SECONDS)
        bad.stop(signal.SIGKILL)
        waiting = set(outbox.waiting())
        mended = book.start_mended()
        missing_at_once = _model_ids(case) - waiting - _ids(book.url)
        if not _push(mended, outbox, MENDED_PATIENCE_SECONDS):
            raise AssertionError(f"push after recovery: got an error, want success; output: {mended.said}")
        mended.stop()
    failed.cases += 1
    failed.hit += book.disk.hit
    failed.lost += len(missing_at_once) + len(_model_ids(case) - _ids(book.url))
    failed.doubled += _doubled(book.url, case)


def _push(server: Server, outbox: Outbox, patience_seconds: float) -> bool:
    """Pushes the outbox and returns whether all movements became durable."""
    with open_channel(server.address) as channel:
        try:
            Pusher(channel, outbox, batch_items=BATCH_ITEMS, patience_seconds=patience_seconds).push()
        except (grpc.RpcError, NoAnswer):
            return False
    return True


def _model_ids(case: Case) -> set[str]:
    model = model_of({SOURCE: MOVEMENTS}, case.number)
    return model.booked | model.rejected


def _ids(url: str) -> set[str]:
    """Returns the ids of booked and rejected movements in the database."""
    return {row[0] for query in (BOOKED, REJECTED) for row in _rows(url, query)}


def _doubled(url: str, case: Case) -> int:
    """Returns the number of lots whose quantity differs from the model."""
    model = model_of({SOURCE: MOVEMENTS}, case.number)
    stored = {(row[0], row[1]): row[2] for row in _rows(url, "SELECT warehouse, lot, quantity FROM stock_lot")}
    warehouses = {f"{SOURCE}-{side}" for side in SIDES}
    lots = {place: quantity for place, quantity in stored.items() if place[0] in warehouses}
    return sum(lots.get(place, 0) != model.lots.get(place, 0) for place in {*lots, *model.lots})


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    database = Database(url, wall_clock)
    with database.read() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    database.close()
    return found
