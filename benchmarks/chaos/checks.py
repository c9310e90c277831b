"""What must hold when the storm is over, read straight from the tables and held against the plain model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.chaos.scenario import MILLIONTHS, Place, model_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.store.engine.database import Connection, Database
from tests.support.server import Server

TAKE_UP_SECONDS = 120.0
POLL_SECONDS = 0.2
PARTITION_ASSETS = 7
"""Assets in a partition of the revaluation: so few that the book has many."""

BOOKED = "SELECT movement_id FROM stock_movement"
REJECTED = "SELECT DISTINCT movement_id FROM stock_rejection"
LOTS = "SELECT warehouse, lot, quantity, lot_key FROM stock_lot"
GAINED = "SELECT lot_key, change FROM stock_movement"
LOST_TO = "SELECT to_lot_key, -change FROM stock_movement WHERE to_lot_key > 0"
WAITING = "SELECT count(*) FROM stock_change"
TAKEN_UP = (
    "SELECT asset.identity, inventory.quantity_in_series_unit FROM asset JOIN inventory USING (asset_key) "
    "ORDER BY asset_id"
)
COVERS = (
    "SELECT loan_key, exposure_minor, market_minor, lendable_minor, good_market_minor, good_lendable_minor, level "
    "FROM loan_cover JOIN (SELECT loan_key AS newest_key, max(seq) AS newest FROM loan_cover GROUP BY loan_key) AS n "
    "ON loan_key = newest_key AND seq = newest ORDER BY loan_key"
)


@dataclass(frozen=True)
class Checked:
    """Everything that must be zero."""

    lost: int
    doubled: int
    wrongly_booked: int
    lot_mismatches: int
    sum_mismatches: int
    taken_up_mismatches: int
    cover_mismatches: int


def check(
    server: Server, copy: Callable[[str], str], counts: Mapping[str, int], seed: int, say: Callable[[str], None]
) -> Checked:
    """Waits until the stock is taken up, stops the server and compares everything with the model."""
    _wait_for_take_up(server)
    server.stop()
    say("comparing with the model")
    model = model_of(dict(counts), seed)
    database = Database(server.url, wall_clock)
    with database.read() as connection:
        booked = [row[0] for row in _rows(connection, BOOKED)]
        rejected = {row[0] for row in _rows(connection, REJECTED)}
        lots = {(row[0], row[1]): (row[2], row[3]) for row in _rows(connection, LOTS)}
        sums = _sums(connection)
        taken_up = dict(_rows(connection, TAKEN_UP))
        covers = _rows(connection, COVERS)
    database.close()
    say(f"revaluing a copy of the book: {len(covers)} loans")
    return Checked(
        lost=len((model.booked | model.rejected) - set(booked) - rejected),
        doubled=len(booked) - len(set(booked)),
        wrongly_booked=len(set(booked) ^ model.booked) + len(rejected ^ model.rejected),
        lot_mismatches=_unlike({place: lot[0] for place, lot in lots.items()}, model.lots),
        sum_mismatches=_unlike({key: quantity for quantity, key in lots.values()}, sums),
        taken_up_mismatches=_taken_up_mismatches(taken_up, model.lots),
        cover_mismatches=_cover_mismatches(copy(server.url), covers),
    )


def _wait_for_take_up(server: Server) -> None:
    database = Database(server.url, wall_clock)
    deadline = time.monotonic() + TAKE_UP_SECONDS
    waiting = 1
    while waiting and time.monotonic() < deadline:
        with database.read() as connection:
            waiting = _rows(connection, WAITING)[0][0]
        time.sleep(POLL_SECONDS)
    database.close()
    if waiting:
        raise AssertionError(f"{waiting} changes of lots were not taken up within {TAKE_UP_SECONDS:g} s")


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(query)]


def _sums(connection: Connection) -> dict[int, int]:
    """What the movements of each lot come to, one by one."""
    sums: dict[int, int] = {}
    for query in (GAINED, LOST_TO):
        for key, change in _rows(connection, query):
            sums[key] = sums.get(key, 0) + change
    return sums


def _unlike(one: Mapping[Any, int], other: Mapping[Any, int]) -> int:
    return sum(one.get(key, 0) != other.get(key, 0) for key in {*one, *other})


def _taken_up_mismatches(taken_up: Mapping[str, float], lots: Mapping[Place, int]) -> int:
    """Assets whose quantity is not their lot's; an asset's identity names warehouse and lot."""
    wanted = {f"warehouse {place[0]} lot {place[1]}": quantity / MILLIONTHS for place, quantity in lots.items()}
    found = {identity.casefold(): quantity for identity, quantity in taken_up.items()}
    wanted = {identity.casefold(): quantity for identity, quantity in wanted.items()}
    return sum(not np.isclose(quantity, wanted[identity], rtol=1e-12) for identity, quantity in found.items())


def _cover_mismatches(url: str, covers: list[tuple[Any, ...]]) -> int:
    """Loans whose cover changes when the whole book is valued and judged anew from its facts, in a copy."""
    database = Database(url, wall_clock)
    run_book(database, "chaos", PARTITION_ASSETS)
    with database.read() as connection:
        anew = _rows(connection, COVERS)
    database.close()
    return sum(one != other for one, other in zip(covers, anew, strict=True))
