"""Compares the database tables with the model after all kills."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.chaos.scenario import MILLIONTHS, Place, model_of
from collateral_registry.clock import wall_clock
from collateral_registry.commands.revaluation.runs import run_book
from collateral_registry.domain.access.callers import Author
from collateral_registry.store.engine.database import Connection, Database
from tests.support.server import Server

SYNC_SECONDS = 120.0
"""Time limit for pending stock to be applied."""

POLL_SECONDS = 0.2
PARTITION_ASSETS = 7
"""Assets in a revaluation partition; small, so that the book has many partitions."""

BOOKED = "SELECT movement_id FROM stock_movement"
REJECTED = "SELECT DISTINCT movement_id FROM stock_rejection"
LOTS = "SELECT warehouse, lot, quantity, lot_key FROM stock_lot"
GAINED = "SELECT lot_key, change FROM stock_movement"
LOST_TO = "SELECT to_lot_key, -change FROM stock_movement WHERE to_lot_key > 0"
PENDING = "SELECT count(*) FROM stock_change"
ASSET_QUANTITIES = (
    "SELECT asset.identity, inventory.quantity_in_series_unit FROM asset JOIN inventory USING (asset_key) "
    "ORDER BY asset_id"
)
COVERS = (
    "SELECT loan_key, exposure_minor, market_minor, lendable_minor, good_market_minor, good_lendable_minor, level "
    "FROM loan_judgement "
    "JOIN (SELECT loan_key AS newest_key, max(seq) AS newest FROM loan_judgement GROUP BY loan_key) AS n "
    "ON loan_key = newest_key AND seq = newest ORDER BY loan_key"
)


@dataclass(frozen=True)
class Checked:
    """Counts of errors, all of which must be 0."""

    lost: int
    doubled: int
    wrongly_booked: int
    lot_mismatches: int
    sum_mismatches: int
    asset_mismatches: int
    cover_mismatches: int


def check(
    server: Server, copy: Callable[[str], str], counts: Mapping[str, int], seed: int, say: Callable[[str], None]
) -> Checked:
    """Waits until pending stock is applied, stops the server and compares the database with the model."""
    wait_for_sync(server, PENDING)
    server.stop()
    say("comparing with the model")
    model = model_of(dict(counts), seed)
    database = Database(server.url, wall_clock)
    with database.read() as connection:
        booked = [row[0] for row in rows(connection, BOOKED)]
        rejected = {row[0] for row in rows(connection, REJECTED)}
        lots = {(row[0], row[1]): (row[2], row[3]) for row in rows(connection, LOTS)}
        sums = _sums(connection)
        assets = dict(rows(connection, ASSET_QUANTITIES))
        covers = rows(connection, COVERS)
    database.close()
    say(f"revaluing a copy of the book: {len(covers)} loans")
    return Checked(
        lost=len((model.booked | model.rejected) - set(booked) - rejected),
        doubled=len(booked) - len(set(booked)),
        wrongly_booked=len(set(booked) ^ model.booked) + len(rejected ^ model.rejected),
        lot_mismatches=differences({place: lot[0] for place, lot in lots.items()}, model.lots),
        sum_mismatches=differences({key: quantity for quantity, key in lots.values()}, sums),
        asset_mismatches=_asset_mismatches(assets, model.lots),
        cover_mismatches=_cover_mismatches(copy(server.url), covers),
    )


def wait_for_sync(server: Server, query: str) -> None:
    """Waits until nothing is pending by a query; raises AssertionError after SYNC_SECONDS."""
    database = Database(server.url, wall_clock)
    deadline = time.monotonic() + SYNC_SECONDS
    pending = 1
    while pending and time.monotonic() < deadline:
        with database.read() as connection:
            pending = rows(connection, query)[0][0]
        time.sleep(POLL_SECONDS)
    database.close()
    if pending:
        raise AssertionError(f"pending changes: got {pending} after {SYNC_SECONDS:g} s, want 0")


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    """Returns the rows of a query."""
    return [tuple(row) for row in connection.exec_driver_sql(query)]


def _sums(connection: Connection) -> dict[int, int]:
    """Returns the sum of all movements of each lot by lot key."""
    sums: dict[int, int] = {}
    for query in (GAINED, LOST_TO):
        for key, change in rows(connection, query):
            sums[key] = sums.get(key, 0) + change
    return sums


def differences(one: Mapping[Any, int], other: Mapping[Any, int]) -> int:
    """Returns the number of keys whose amounts differ; a missing amount is 0."""
    return sum(one.get(key, 0) != other.get(key, 0) for key in {*one, *other})


def _asset_mismatches(assets: Mapping[str, float], lots: Mapping[Place, int]) -> int:
    """Returns the number of assets whose quantity differs from their lot, by identity (warehouse and lot)."""
    wanted = {f"warehouse {place[0]} lot {place[1]}": quantity / MILLIONTHS for place, quantity in lots.items()}
    found = {identity.casefold(): quantity for identity, quantity in assets.items()}
    wanted = {identity.casefold(): quantity for identity, quantity in wanted.items()}
    return sum(not np.isclose(quantity, wanted[identity], rtol=1e-12) for identity, quantity in found.items())


def _cover_mismatches(url: str, covers: list[tuple[Any, ...]]) -> int:
    """Returns the number of loans whose judgement changes when a copy of the whole book is revalued."""
    database = Database(url, wall_clock)
    run_book(database, Author("chaos", "chaos"), PARTITION_ASSETS)
    with database.read() as connection:
        revalued = rows(connection, COVERS)
    database.close()
    return sum(one != other for one, other in zip(covers, revalued, strict=True))
