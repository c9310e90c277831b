"""What must hold when the storm is over, read straight from the tables and held against the plain model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.scenario import model_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.runs import run_book
from collateral_registry.store.database import Connection, Database
from tests.server import Server

PARTITION_ASSETS = 7
"""Assets in a partition of the revaluation: so few that the book has many."""

BOOKED = "SELECT movement_id FROM stock_movement"
REJECTED = "SELECT DISTINCT movement_id FROM stock_rejection"
LOTS = "SELECT warehouse, lot, quantity, lot_key FROM stock_lot"
GAINED = "SELECT lot_key, change FROM stock_movement"
LOST_TO = "SELECT to_lot_key, -change FROM stock_movement WHERE to_lot_key > 0"
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
    cover_mismatches: int


def check(
    server: Server, copy: Callable[[str], str], counts: Mapping[str, int], seed: int, say: Callable[[str], None]
) -> Checked:
    """Stops the server and compares everything with the model."""
    server.stop()
    say("comparing with the model")
    model = model_of(dict(counts), seed)
    database = Database(server.url, wall_clock)
    with database.read() as connection:
        booked = [row[0] for row in _rows(connection, BOOKED)]
        rejected = {row[0] for row in _rows(connection, REJECTED)}
        lots = {(row[0], row[1]): (row[2], row[3]) for row in _rows(connection, LOTS)}
        sums = _sums(connection)
        covers = _rows(connection, COVERS)
    database.close()
    say(f"revaluing a copy of the book: {len(covers)} loans")
    return Checked(
        lost=len((model.booked | model.rejected) - set(booked) - rejected),
        doubled=len(booked) - len(set(booked)),
        wrongly_booked=len(set(booked) ^ model.booked) + len(rejected ^ model.rejected),
        lot_mismatches=_unlike({place: lot[0] for place, lot in lots.items()}, model.lots),
        sum_mismatches=_unlike({key: quantity for quantity, key in lots.values()}, sums),
        cover_mismatches=_cover_mismatches(copy(server.url), covers),
    )


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


def _cover_mismatches(url: str, covers: list[tuple[Any, ...]]) -> int:
    """Loans whose cover changes when the whole book is valued and judged anew from its facts, in a copy."""
    database = Database(url, wall_clock)
    run_book(database, "chaos", PARTITION_ASSETS)
    with database.read() as connection:
        anew = _rows(connection, COVERS)
    database.close()
    return sum(one != other for one, other in zip(covers, anew, strict=True))
